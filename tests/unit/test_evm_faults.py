"""Nodes with bad manners over real HTTP: each fault ends in a correct load or in a named outcome."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from evm_node import EvmNode, deposits, endpoint, first_block, write_seeds

from pipelines.feeds.base import Past
from pipelines.feeds.evm_logs import EvmLogs
from pipelines.registry import Registry
from pipelines.settings import Clock, Settings
from pipelines.transport.archive import Archive
from pipelines.transport.session import Session, Transport
from pipelines.wire import Answer, Outcome, Request, Window

DAY = date(2024, 1, 1)
FIRST = first_block("2024-01-01")
BLOCKS = 43_200
LOGS = deposits(range(FIRST + 10, FIRST + BLOCKS, 900))
GOOD = ""


class Time(Clock):
    """A clock that only sleeping moves, and a second with each look."""

    def __init__(self) -> None:
        self.instant = datetime.fromisoformat("2024-01-05 00:00:00")
        self.waits: list[float] = []
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            self.instant += timedelta(milliseconds=1)
            return self.instant

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.waits.append(seconds)
            self.instant += timedelta(seconds=seconds)


class NodeServer:
    """A node on 127.0.0.1. `manners` names what happens to each request in turn; then it is well."""

    def __init__(self, node: EvmNode, manners: list[str] | str) -> None:
        self.node = node
        self.manners = manners
        self.seen = 0
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._server = _Quiet(("127.0.0.1", 0), type("Handler", (_Handler,), {"house": self}))

    def __enter__(self) -> NodeServer:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def next_manner(self) -> str:
        with self._lock:
            self.seen += 1
            if isinstance(self.manners, str):
                return self.manners
            return self.manners[self.seen - 1] if self.seen <= len(self.manners) else GOOD

    def answer(self, body: bytes) -> bytes:
        with self._lock:
            told = self.node.answer(Request(self.url, "POST", body=body.decode()))
        return told if isinstance(told, bytes) else b""


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are expected."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    house: NodeServer

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["content-length"]))
        manner = self.house.next_manner()
        if manner == "hang":
            self.house.stopping.wait(20)
        if manner in ("hang", "dead"):
            self.close_connection = True
            return
        if manner.startswith("429"):
            _, _, seconds = manner.partition(" ")
            self.tell(429, b"{}", {"Retry-After": seconds} if seconds else {})
            return
        body = self.house.answer(asked)
        match manner:
            case "cut":
                self.tell(200, body[: len(body) // 2], {})
            case "short":
                self.tell(200, body, {"Content-Length": str(len(body) + 9)})
                self.close_connection = True
            case "413":
                self.tell(413, b"{}", {})
            case "limited":
                error = {"code": -32005, "message": "rate limit exceeded"}
                self.tell(200, json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode(), {})
            case _:
                self.tell(200, body, {})

    def tell(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json", "Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


class Run:
    """A registry of these servers, an archive, and conversations through a session."""

    def __init__(self, folder: Path, servers: list[NodeServer]) -> None:
        ends = [endpoint(rank=n, base_url=server.url) for n, server in enumerate(servers)]
        self.registry = Registry(write_seeds(folder / "seeds", source_endpoints=ends))
        self.archive = Archive.create(folder / "archive", "public")
        self.time = Time()

    def talk(self) -> None:
        feed = EvmLogs(self.registry)
        fast = [replace(end, rate_limit_per_min=100_000) for end in self.registry.all_endpoints]
        settings = Settings(request_timeout_seconds=0.3)
        with Session(self.archive, [], Transport(self.time, sleep=self.time.sleep), settings, fast) as session:
            conversation = feed.conversation(Window(DAY, DAY), self.past())
            requests = next(conversation, None)
            while requests is not None:
                try:
                    requests = conversation.send(session.ask(feed.feed_id, feed.media, requests, feed.refusal))
                except StopIteration:
                    requests = None

    def past(self) -> Past:
        return Past(self.archive.ledger("evm_rpc/logs"), self.archive.answer)

    def outcomes(self) -> set[str]:
        return set(self.past().attempts["outcome"])

    def is_answered(self) -> bool:
        return DAY in EvmLogs(self.registry).answered(self.past(), [DAY])

    def loaded_blocks(self) -> list[int]:
        feed = EvmLogs(self.registry)
        good = self.past().attempts.filter(pl.col("outcome") == Outcome.OK)
        answers: list[Answer] = [self.archive.answer(row) for row in good.iter_rows(named=True)]
        frames = [feed.parse(answer.request, answer) for answer in answers if feed.is_read(answer.request)]
        return sorted(pl.concat(frames)["block_number"]) if frames else []


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def good_node() -> Iterator[NodeServer]:
    with NodeServer(EvmNode(LOGS, max_range=9000), GOOD) as server:
        yield server


TROUBLE = {
    "429 with Retry-After": (["429 7"] * 2, Outcome.RATE_LIMITED),
    "429 without": ([GOOD, "429", "429"], Outcome.RATE_LIMITED),
    "a rate limit with status 200": ([GOOD, GOOD, "limited"], Outcome.RATE_LIMITED),
    "cut JSON": ([GOOD, GOOD, GOOD, GOOD, "cut", "cut"], Outcome.TRUNCATED),
    "fewer bytes than announced": ([GOOD, GOOD, GOOD, GOOD, "short", "short"], Outcome.TRUNCATED),
    "hangs": ([GOOD, GOOD, GOOD, GOOD, "hang"], Outcome.TIMEOUT),
    "hangs up": ([GOOD, "dead", GOOD, "dead"], Outcome.CONNECTION_ERROR),
    "says that it is too much": ([GOOD, GOOD, GOOD, GOOD, "413"], Outcome.HTTP_ERROR),
}


@pytest.mark.parametrize(("manners", "outcome"), TROUBLE.values(), ids=TROUBLE)
def test_trouble_that_passes_ends_in_a_correct_load(tmp_path, manners, outcome):
    with NodeServer(EvmNode(LOGS, max_range=9000), manners) as server:
        run = Run(tmp_path, [server])
        run.talk()
        assert outcome in run.outcomes()
        assert run.is_answered()
        assert run.loaded_blocks() == [block for block, _, _ in LOGS]


def test_a_host_that_asks_for_a_pause_has_it(tmp_path):
    with NodeServer(EvmNode(LOGS), ["429 7"]) as server:
        run = Run(tmp_path, [server])
        run.talk()
    assert max(run.time.waits) >= 6.9


@pytest.mark.parametrize("manner", ["dead", "429", "cut", "limited"])
def test_where_one_node_is_in_trouble_the_next_one_answers(tmp_path, good_node, manner):
    with NodeServer(EvmNode(), manner) as bad:
        run = Run(tmp_path, [bad, good_node])
        run.talk()
    assert run.is_answered()
    assert run.loaded_blocks() == [block for block, _, _ in LOGS]


def test_a_node_that_dies_in_mid_run_is_followed_by_the_next(tmp_path, good_node):
    alive = 9
    with NodeServer(EvmNode(LOGS, max_range=2000), [GOOD] * alive + ["dead"] * 500) as dying:
        run = Run(tmp_path, [dying, good_node])
        run.talk()
    assert run.is_answered()
    assert run.loaded_blocks() == [block for block, _, _ in LOGS]


def test_where_all_nodes_are_dead_the_day_stays_open_and_the_next_run_closes_it(tmp_path):
    with NodeServer(EvmNode(LOGS), "dead") as server:
        run = Run(tmp_path, [server])
        run.talk()
        assert run.outcomes() == {Outcome.CONNECTION_ERROR}
        assert not run.is_answered()
        assert EvmLogs(run.registry).unhealed(run.past().attempts).height >= 1
        server.manners = GOOD
        run.talk()
    assert run.is_answered()
    assert EvmLogs(run.registry).unhealed(run.past().attempts).is_empty()
