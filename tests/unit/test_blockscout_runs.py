"""Blockscout from the asking to the table, with hosts that follow a script: what is asked again, and what is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from activity_pages import BOB, ROOTSTOCK, chart, point
from pages import CHALLENGE, SEEDS, Room
from pydantic import SecretStr
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from pipelines.feeds.blockscout import BlockscoutChainStats
from pipelines.ingest import fetch
from pipelines.settings import FixedClock, Settings
from pipelines.transport.session import Session, Transport
from pipelines.wire import Window

NOW = datetime.fromisoformat("2024-07-01T10:00")
WINDOW = Window(NOW.date() - timedelta(days=28), NOW.date())
PER_CHAIN = 10
CHAINS, UNSEEN = 5, 3
"""Chains that have a host, and those of them of which nobody has seen one answer."""
Reply = Callable[[str, str], tuple[int, bytes]]


class Explorers(BaseAdapter):
    """Hosts of which each answers a base address and a line as `reply` says. Keeps what was sent to whom."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply
        self.sent: list[PreparedRequest] = []

    def send(self, request: PreparedRequest, **_: object) -> Response:
        self.sent.append(request)
        base, _, line = (request.url or "").partition("?")[0].rpartition("/")
        status, content = self.reply(base, line)
        if status == 200 and content == b"":
            is_weekly = parse_qs(urlsplit(request.url or "").query)["resolution"] == ["WEEK"]
            content = chart(point("2024-06-17" if is_weekly else "2024-06-18", "5"))
        response = Response()
        response.status_code, response.url, response.request = status, request.url or "", request
        response.headers["Content-Type"] = "application/json"
        response.raw = HTTPResponse(BytesIO(content), status=status, preload_content=False)
        return response

    def close(self) -> None:
        """Nothing is open."""


class Run:
    """One home that asks its explorers and loads what they say."""

    def __init__(self, folder: Path) -> None:
        self.room = Room(folder, BlockscoutChainStats(SEEDS))

    def ask(self, reply: Reply, now: datetime = NOW, **settings: object) -> list[PreparedRequest]:
        upstream, clock = Explorers(reply), FixedClock(now)
        transport = Transport(clock=clock, adapter=upstream, paced=False)
        sources, endpoints = SEEDS.sources.values(), SEEDS.all_endpoints
        with Session(self.room.archive, sources, transport, Settings(**settings), endpoints) as session:
            fetch(self.room.feed, WINDOW, self.room.archive, session, clock)
        return upstream.sent

    def incidents(self) -> list[str]:
        return [incident.request for incident in self.room.load().incidents]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def well(_base: str, line: str) -> tuple[int, bytes]:
    """Every line but those that hosts have switched off."""
    return (404, b'{"code": 5, "message": "not found", "details": []}') if "opStack" in line else (200, b"")


def test_a_line_that_is_switched_off_leaves_a_run_without_incident_and_the_day_answered(run):
    assert len(run.ask(well)) == CHAINS * PER_CHAIN
    assert run.incidents() == []
    [(series, chains)] = run.room.rows(
        "select count(distinct (source_metric, period)), count(distinct chain_id) from feeds.blockscout__chain_stats"
    )
    assert (series, chains) == (PER_CHAIN - 1, CHAINS)
    assert run.ask(well) == []


def test_unseen_hosts_that_are_gone_leave_a_run_without_incident_and_the_day_answered(run):
    def mostly(base: str, line: str) -> tuple[int, bytes]:
        return (404, b"") if "nakachain" in base or "eternalai" in base or "runechain" in base else well(base, line)

    assert len(run.ask(mostly)) == (CHAINS - UNSEEN) * PER_CHAIN + UNSEEN
    assert run.incidents() == []
    assert run.ask(mostly) == []


def test_the_next_day_asks_for_everything_again(run):
    run.ask(well)
    assert len(run.ask(well, NOW + timedelta(days=1))) == CHAINS * PER_CHAIN


def test_a_host_that_stops_in_the_middle_is_asked_for_the_rest_by_the_next_run(run):
    def limited(base: str, line: str) -> tuple[int, bytes]:
        is_spent = base == ROOTSTOCK and line in ("txnsFee", "newContracts")
        return (429, b"") if is_spent or "api.blockscout.com" in base else well(base, line)

    run.ask(limited)
    assert {request.rpartition("/")[2].partition("?")[0] for request in run.incidents()} >= {"txnsFee", "newContracts"}
    again = [(request.url or "").partition("?")[0] for request in run.ask(well)]
    assert sorted(again) == [f"{ROOTSTOCK}/{line}" for line in ("newContracts", "newTxns", "txnsFee")]
    assert run.incidents() == []


def test_a_host_behind_a_bot_wall_is_no_incident_once_another_one_answered(run):
    def walled(base: str, line: str) -> tuple[int, bytes]:
        return (200, CHALLENGE) if base == BOB else well(base, line)

    sent = [request.url or "" for request in run.ask(walled)]
    assert sum(url.startswith(BOB) for url in sent) == 1
    assert run.incidents() == []


def test_the_key_goes_to_the_pro_api_and_to_no_other_host(run):
    def only_pro(base: str, line: str) -> tuple[int, bytes]:
        return well(base, line) if "api.blockscout.com" in base else (403, b"{}")

    sent = run.ask(only_pro, keys={"blockscout": SecretStr("Bearer proapi_1")})
    keyed = {urlsplit(request.url or "").hostname: request.headers.get("Authorization") for request in sent}
    assert keyed.pop("api.blockscout.com") == "Bearer proapi_1"
    assert len(keyed) == 3 + UNSEEN
    assert set(keyed.values()) == {None}
    assert run.incidents() == []


def test_explorers_that_are_all_gone_are_told_and_asked_again(run):
    assert len(run.ask(lambda *_: (404, b"<html>gone</html>"))) == 5 + UNSEEN
    assert len(run.incidents()) == 5
    assert len(run.ask(well)) == CHAINS * PER_CHAIN
