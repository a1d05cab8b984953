"""Mode live against servers on loopback that speak the real wire: HTTP, sockets, the pages of the upstreams."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dagster as dg
import duckdb
import pytest
import requests
from requests.adapters import HTTPAdapter

from pipelines.definitions import build_defs
from pipelines.registry import Registry
from pipelines.sample import WorldAdapter
from pipelines.schedules import DAILY_REFRESH
from pipelines.settings import Clock, Mode, Settings
from pipelines.transport.session import Transport

CHALLENGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>wait</body></html>"
WEDNESDAY = datetime(2025, 1, 15, 14, 30)  # noqa: DTZ001 (naive UTC, as everywhere in the house)
FEEDS = (
    "raw/btcetffundflow/etf_holdings",
    "raw/farside/etf_flows",
    "feeds/btcetffundflow__etf_holdings",
    "feeds/farside__etf_flows",
)


@dataclass
class Hands(Clock):
    """A clock that a test sets."""

    instant: datetime = WEDNESDAY

    def now(self) -> datetime:
        return self.instant


@dataclass
class Upstreams:
    """All hosts behind one port: what they were asked, and which of them shows a bot wall."""

    clock: Hands
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    walled: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.world = WorldAdapter(Registry(Settings().seeds), self.clock)

    def answer(self, request: requests.PreparedRequest) -> requests.Response:
        parts = urlsplit(request.url or "")
        self.asked.append((parts.hostname or "", parts.path, request.headers["User-Agent"]))
        if parts.hostname in self.walled:
            return walled()
        return self.world.send(request)


def walled() -> requests.Response:
    response = requests.Response()
    response.status_code = 403
    response.headers["Content-Type"] = "text/html; charset=utf-8"
    response.raw = BytesIO(CHALLENGE)
    return response


class ToLoopback(HTTPAdapter):
    """Real HTTP over a real socket, to this machine instead of the host."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port = port

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        there = request.copy()
        parts = urlsplit(request.url or "")
        there.headers["Host"] = parts.hostname or ""
        there.url = parts._replace(scheme="http", netloc=f"127.0.0.1:{self.port}").geturl()
        return super().send(there, *args, **options)


@contextmanager
def serving(upstreams: Upstreams) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            url = f"https://{self.headers['Host']}{self.path}"
            asked = requests.Request(self.command, url, dict(self.headers), data=body or None).prepare()
            answer = upstreams.answer(asked)
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            """The test reads `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Live:
    """A live home whose hosts are on loopback."""

    home: Path
    clock: Hands
    upstreams: Upstreams
    port: int

    def refresh(self) -> dg.ExecuteInProcessResult:
        """The feeds' part of the daily job, as the daemon runs it."""
        settings = Settings(feeds=Mode.LIVE, home=self.home, contact="data@example.org")
        transport = Transport(clock=self.clock, adapter=ToLoopback(self.port), sleep=lambda _: None)
        runtime_defs = build_defs(settings, transport)
        keys = [dg.AssetKey(key.split("/")) for key in FEEDS]
        with dg.DagsterInstance.ephemeral() as instance:
            job = runtime_defs.resolve_job_def(DAILY_REFRESH)
            return job.execute_in_process(instance=instance, asset_selection=keys)

    def rows(self, sql: str) -> list[tuple]:
        with duckdb.connect(self.home / "build" / "outcrop.duckdb", read_only=True) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    clock = Hands()
    upstreams = Upstreams(clock)
    with serving(upstreams) as port:
        yield Live(tmp_path / "home", clock, upstreams, port)


def test_a_live_home_asks_each_host_once_and_again_when_a_session_has_closed(live: Live) -> None:
    assert live.refresh().success
    assert [(host, path) for host, path, _ in live.upstreams.asked] == [
        ("btcetffundflow.com", "/us"),
        ("farside.co.uk", "/bitcoin-etf-flow-all-data/"),
    ]
    assert {agent for _, _, agent in live.upstreams.asked} == {
        "Outcrop/0.1.0 (+open warehouse of Bitcoin layers; contact: data@example.org)"
    }
    newest = "select max(trade_date)::varchar from feeds.farside__etf_flows where not is_provisional"
    assert live.rows(newest) == [("2025-01-14",)]

    live.clock.instant += timedelta(hours=1)
    live.refresh()
    assert len(live.upstreams.asked) == 2, "nothing has closed since, so nobody is asked"

    live.clock.instant = WEDNESDAY + timedelta(days=1)
    live.refresh()
    assert len(live.upstreams.asked) == 4
    assert live.rows(newest) == [("2025-01-15",)]


def test_a_bot_wall_leaves_the_table_as_it_stood_and_says_what_to_do(live: Live) -> None:
    live.refresh()
    everything = "select * exclude (last_seen_at, last_fetch_id) from feeds.farside__etf_flows order by all"
    before = live.rows(everything)
    live.upstreams.walled.add("farside.co.uk")
    live.clock.instant += timedelta(days=1)

    result = live.refresh()

    assert result.success, "upstream trouble warns, it does not stop a run"
    assert live.rows(everything) == before
    [(outcome, request, next_step)] = live.rows("select outcome, request, next_step from meta.incidents")
    assert outcome == "challenge"
    assert request == "GET https://farside.co.uk/bitcoin-etf-flow-all-data/"
    assert "outcrop archive import --url https://farside.co.uk/bitcoin-etf-flow-all-data/" in next_step
    failed = {check.check_name for check in result.get_asset_check_evaluations() if not check.passed}
    assert failed == {"every_request_was_answered", "every_body_was_accepted"}
    assert live.rows("select max(trade_date)::varchar from feeds.btcetffundflow__etf_holdings") == [("2025-01-15",)]


def test_the_schedule_of_a_live_home_asks_for_a_run_of_both_feeds(live: Live) -> None:
    settings = Settings(feeds=Mode.LIVE, home=live.home)
    definitions = build_defs(settings, Transport(clock=live.clock, adapter=ToLoopback(live.port)))
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(instance=instance, scheduled_execution_time=live.clock.instant)
        schedule = definitions.resolve_schedule_def("etf_refresh")
        [request] = schedule.evaluate_tick(context).run_requests or []
    assert {"/".join(key.path) for key in request.asset_selection or []} >= {*FEEDS, "marts/etf_flows"}
    assert not live.home.exists(), "a tick writes nothing"
