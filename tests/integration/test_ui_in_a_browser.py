"""The Dagster UI of a home, served by `outcrop ui` and looked at with a real browser."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from house import BIN, Built, digest
from playwright.sync_api import Page, sync_playwright

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
READY_SECONDS = 120


@pytest.fixture(scope="module")
def ui_home(sample: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample home."""
    home = tmp_path_factory.mktemp("ui") / "home"
    shutil.copytree(sample.home, home)
    return home


@pytest.fixture(scope="module")
def address(ui_home: Path) -> Iterator[str]:
    """The UI over that home."""
    home = ui_home
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (home / "ui.log").open("w") as log:
        command = [BIN / "outcrop", "ui", "--home", home, "--port", str(port)]
        server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_for(f"http://127.0.0.1:{port}/server_info", server, home / "ui.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _wait_for(url: str, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.3)
    pytest.fail(f"the UI was not ready in {READY_SECONDS} s: {log.read_text()}")


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip("needs Debian's chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser.new_page(viewport={"width": 1800, "height": 1200})
        browser.close()


def test_the_table_of_a_feed_shows_its_rows_checks_and_columns(page: Page, address: str) -> None:
    page.goto(f"{address}/assets/feeds/farside__etf_flows")
    column = "Net creations in US dollars, negative for redemptions"
    for text in ("3,145", "Latest check results", "DECIMAL(18,2)", column):
        page.get_by_text(text).first.wait_for(timeout=60_000)
    assert page.get_by_text("non-nullable").count() > 5


def test_the_lineage_goes_from_the_answers_to_the_published_file_without_a_gap(page: Page, address: str) -> None:
    page.goto(f"{address}/assets/raw/farside/etf_flows?view=lineage&lineageScope=downstream&lineageDepth=9")
    page.get_by_text("outcrop", exact=True).wait_for(timeout=60_000)
    shown = page.inner_text("body")
    for node in ("farside__etf_flows", "stg_fa", "flows_united", "flows_ranked", "etf_flows", "outcrop"):
        assert node in shown, node


def test_both_schedules_are_there_with_their_times(page: Page, address: str) -> None:
    page.goto(f"{address}/automation")
    for text in ("At 09:30 AM UTC", "At 02:00 PM UTC, Tuesday through Saturday"):
        page.get_by_text(text).wait_for(timeout=60_000)
    assert "daily_refresh" in page.inner_text("body")


def test_a_run_of_the_command_line_is_among_the_runs(page: Page, address: str) -> None:
    page.goto(f"{address}/runs")
    for text in ("Success", "daily_refresh"):
        page.get_by_text(text).first.wait_for(timeout=60_000)
    assert "Failure" not in page.inner_text("body")


LAUNCH = """
mutation {
  launchRun(executionParams: {
    selector: {
      repositoryName: "__repository__", repositoryLocationName: "pipelines.definitions", jobName: "daily_refresh"
    },
    runConfigData: {}
    executionMetadata: {tags: [
      {key: "dagster/asset_partition_range_start", value: "2025-01-30"}
      {key: "dagster/asset_partition_range_end", value: "2025-01-30"}
    ]}
  }) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}
"""
STATUS = 'query { runOrError(runId: "%s") { ... on Run { status } } }'


def _graphql(address: str, query: str) -> dict[str, Any]:
    body = json.dumps({"query": query}).encode()
    request = urllib.request.Request(f"{address}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["data"]


def test_a_run_launched_in_the_ui_publishes_the_same_figures(address: str, ui_home: Path) -> None:
    published = ui_home / "outcrop.duckdb"
    before, inode = digest(ui_home), published.stat().st_ino
    launched = _graphql(address, LAUNCH)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    status, deadline = "", time.monotonic() + READY_SECONDS
    while status not in ("SUCCESS", "FAILURE", "CANCELED") and time.monotonic() < deadline:
        time.sleep(0.5)
        status = _graphql(address, STATUS % launched["run"]["runId"])["runOrError"]["status"]
    assert status == "SUCCESS"
    assert published.stat().st_ino != inode, "a new file was published"
    assert digest(ui_home) == before
