"""The Dagster UI of a home, served by `outcrop ui` and looked at with a real browser."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import BIN, Built
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
def address(sample: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The UI over a copy of the sample home."""
    home = tmp_path_factory.mktemp("ui") / "home"
    shutil.copytree(sample.home, home)
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
    page.get_by_text("3,145").wait_for(timeout=60_000)
    for text in ("Latest check results", "DECIMAL(18,2)", "Net creations in US dollars, negative for redemptions"):
        assert page.get_by_text(text).first.is_visible(), text


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
    assert page.get_by_text("daily_refresh").first.is_visible()


def test_a_run_of_the_command_line_is_among_the_runs(page: Page, address: str) -> None:
    page.goto(f"{address}/runs")
    page.get_by_text("Success").first.wait_for(timeout=60_000)
    assert page.get_by_text("daily_refresh").first.is_visible()
