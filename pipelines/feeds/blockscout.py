"""Daily and weekly series ("lines") of Blockscout's stats service, whole ranges in one answer.

Belongs here: which lines are asked of which host, and how a chart is read. A point may be approximate and is not read
then; older hosts leave out `date_to` and `info`. A host that has a line switched off answers 404.
Not here: the explorer's other endpoints, HTTP, files, DuckDB, Dagster; the key of the PRO API is the transport's.
Source: https://github.com/blockscout/blockscout-rs (stats: the service and its swagger file, version 2.17.0), and
https://docs.blockscout.com (PRO API: the same paths behind a chain id)
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cached_property
from http import HTTPStatus
from operator import or_
from typing import Any, NamedTuple
from urllib.parse import SplitResult

import polars as pl

from pipelines.bridges import Endpoint
from pipelines.feeds.base import Past
from pipelines.feeds.chain_stats import Stat, StatFeed, day_of, figure, points_of, stats, texts
from pipelines.feeds.explorers import Told, newest_ranges, open_attempts, settled_at
from pipelines.feeds.points import refuse_without
from pipelines.tables.activity import MONDAY
from pipelines.wire import Answer, BodyRefused, Failure, Outcome, Request, Requests, Window

log = logging.getLogger("outcrop.blockscout")

UNCONFIRMED = "instance_v2_unconfirmed"
"""A host that nobody has seen answer: it may be gone, and then its silence is no incident."""
SERVICE = {"instance_v1": "/api/v1"} | dict.fromkeys(("instance_v2", UNCONFIRMED, "pro"), "/stats-service/api/v1")
"""Where the service lies at each style of host (seeds.source_endpoints)."""
NATIVE = "native"
LINES = {
    stat.source_metric: stat
    for stat in (
        Stat("tx_count", "newTxns", "all"),
        Stat("active_addresses", "activeAccounts", "sender"),
        Stat("new_addresses", "newAccounts", "sender"),
        Stat("cumulative_addresses", "accountsGrowth", "sender"),
        Stat("txn_fee_native", "txnsFee", "l2_fee", NATIVE),
        Stat("new_contracts", "newContracts", "created"),
        Stat("cumulative_contracts", "contractsGrowth", "created"),
        Stat("cumulative_gas_used", "gasUsedGrowth", "all"),
        Stat("operational_tx_count", "opStackNewOperationalTxns", "operational"),
    )
}
EVERYWHERE = "newTxns"
"""The one line that no host is without: where it is not found, the service is not there."""
PERIODS = {"DAY": "day", "WEEK": "week"}
ASKED = [(line, "DAY") for line in LINES]
ASKED.insert(2, ("activeAccounts", "WEEK"))


class Question(NamedTuple):
    """One series of one chain, whichever host is asked for it."""

    chain_id: str
    line: str
    resolution: str


class BlockscoutChainStats(StatFeed):
    """Transactions, addresses, fees, contracts and gas of every chain that has a Blockscout in the seeds."""

    source = "blockscout"
    entity = "chain_stats"
    media = frozenset({"json"})

    @cached_property
    def hosts(self) -> dict[str, list[Endpoint]]:
        """chain_id -> where it is asked, by rank."""
        listed = {
            chain_id: [end for end in self.registry.endpoints(self.source, chain_id) if end.style in SERVICE]
            for chain_id in self.registry.chains
        }
        return {chain_id: endpoints for chain_id, endpoints in listed.items() if endpoints}

    @cached_property
    def unconfirmed(self) -> set[str]:
        """The chains of which every host is one that nobody has seen answer."""
        return {chain_id for chain_id, ends in self.hosts.items() if all(end.style == UNCONFIRMED for end in ends)}

    @cached_property
    def chain_at(self) -> dict[str, str]:
        """Address of the lines at a host -> chain_id."""
        return {_lines_at(endpoint): chain_id for chain_id, ends in self.hosts.items() for endpoint in ends}

    @property
    def questions(self) -> list[Question]:
        return [Question(chain_id, line, resolution) for chain_id in self.hosts for line, resolution in ASKED]

    @property
    def known_urls(self) -> list[str]:
        return [f"{base}/{line}?resolution={resolution}" for base in self.chain_at for line, resolution in ASKED]

    def owns(self, url: SplitResult) -> bool:
        return self._series(f"{url.scheme}://{url.netloc}{url.path}") is not None

    def requests(self, window: Window) -> Requests:
        yield from self._ask(self.questions, window)

    def request_count(self, window: Window) -> int:
        return len(self.questions)

    def conversation(self, window: Window, past: Past) -> Requests:
        """What no host has told since the last day closed; where all of it is told, all of it once more.

        A host that stops in the middle (some allow ten requests in a quarter of an hour) is so asked for the rest, and
        for the line that shows whether it is there.
        """
        lag = timedelta(days=1, hours=self.manners.settle_lag_hours)
        closed_at = datetime.combine(window.last, datetime.min.time()) + lag
        ranges = self._ranges(past.attempts)
        fresh = {
            question
            for question in self.questions
            for told in ranges.get(question, [])
            if told.covers(window.first, window.last) and told.at >= closed_at
        }
        due = set(self.questions) - (set() if fresh.issuperset(self._awaited(ranges)) else fresh)
        chains = {one.chain_id for one in due}
        shows = {one for one in self.questions if one.line == EVERYWHERE and one.chain_id in chains}
        yield from self._ask([one for one in self.questions if one in due | shows], window)

    def _ask(self, questions: list[Question], window: Window) -> Requests:
        """Each chain's hosts by rank, the next one for what the one before did not tell.

        One line goes ahead of the others of its chain, so that a host that is gone is asked once.
        """
        waiting, rank = questions, 0
        while here := [one for one in waiting if rank < len(self.hosts[one.chain_id])]:
            ahead = list({one.chain_id: one for one in reversed(here)}.values())[::-1]
            heard = yield [self._request(one, rank, window) for one in ahead]
            told = {one for one, reply in zip(ahead, heard, strict=True) if isinstance(reply, Answer)}
            alive = {one.chain_id for one in told}
            if silent := sorted(self.unconfirmed.intersection(one.chain_id for one in ahead) - alive):
                log.info("blockscout: no answer for %s, whose hosts nobody has seen answer", ", ".join(silent))
            rest = [one for one in here if one not in ahead and one.chain_id in alive]
            replies = (yield [self._request(one, rank, window) for one in rest]) if rest else []
            told |= {one for one, reply in zip(rest, replies, strict=True) if _is_told(reply)}
            waiting, rank = [one for one in here if one not in told], rank + 1

    def _request(self, question: Question, rank: int, window: Window) -> Request:
        """Weeks are asked for from a Monday on."""
        first, endpoint = window.first, self.hosts[question.chain_id][rank]
        if question.resolution == "WEEK":
            first -= timedelta(days=first.isoweekday() - MONDAY)
        params = {"from": first.isoformat(), "to": window.last.isoformat(), "resolution": question.resolution}
        return Request.get(f"{_lines_at(endpoint)}/{question.line}", params)

    def answered(self, past: Past, days: list[date]) -> dict[date, datetime]:
        """A day is answered when the last of its series was told."""
        ranges = self._ranges(past.attempts)
        return settled_at([ranges.get(one, []) for one in self._awaited(ranges)], days) if ranges else {}

    def _awaited(self, ranges: dict[Question, list[Told]]) -> list[Question]:
        """The series without which a day is not answered: an unconfirmed chain has some once it has told one."""
        speaking = {one.chain_id for one in ranges}
        return [one for one in self.questions if one.chain_id in speaking or one.chain_id not in self.unconfirmed]

    def unhealed(self, attempts: pl.DataFrame) -> pl.DataFrame:
        """Failures after which no host told the series, but for lines that a host lacks and unconfirmed silence."""
        asked = [Request.of(url) for url in attempts["url"]]
        series, are_told = [self._question(one) for one in asked], self._are_told(attempts, asked)
        is_quiet = [bool(one) and one.line == EVERYWHERE and one.chain_id in self.unconfirmed for one in series]
        return open_attempts(attempts, series, [*map(or_, are_told, is_quiet)])

    def _ranges(self, attempts: pl.DataFrame) -> dict[Question, list[Told]]:
        return newest_ranges(attempts, self._question, self._are_told)

    def _question(self, request: Request) -> Question | None:
        """The series that a request asks for; None where it is none of ours."""
        series = self._series(request.url)
        resolution = dict(request.params).get("resolution", "DAY")
        return Question(*series, resolution) if series and resolution in PERIODS else None

    def _series(self, url: str) -> tuple[str, str] | None:
        base, _, line = url.rpartition("/")
        chain_id = self.chain_at.get(base)
        return (chain_id, line) if chain_id and line in LINES else None

    def _are_told(self, attempts: pl.DataFrame, asked: list[Request]) -> list[bool]:
        """Which attempts settle their question: good answers, and that a host which is there has no such line."""
        places = [request.url.rpartition("/") for request in asked]
        are_good = [outcome == Outcome.OK for outcome in attempts["outcome"]]
        present = {base for (base, _, _), is_good in zip(places, are_good, strict=True) if is_good}
        is_absent = [status == HTTPStatus.NOT_FOUND for status in attempts["status"]]
        told = zip(places, are_good, is_absent, strict=True)
        return [good or (absent and base in present and line != EVERYWHERE) for (base, _, line), good, absent in told]

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `ChainStat`. Raises `BodyRefused`."""
        question = self._question(request)
        if question is None:
            raise BodyRefused(Outcome.LAYOUT_CHANGED, f"{request} asks for no line of ours")
        stat = self._stat(question)
        document = answer.json()
        chart = refuse_without("chart", list, document)
        _refuse_another_line(document.get("info"), question, self._symbol(question.chain_id))
        points = points_of(chart, "/chart", "date", "value").with_columns(
            date_to=pl.Series(texts(point.get("date_to") for point in chart), dtype=pl.String),
            approximate=pl.Series(texts(point.get("is_approximate") for point in chart), dtype=pl.String),
        )
        dated = points.with_columns(period_start=day_of("date"), value=figure("text"))
        _refuse_other_periods(dated, question.resolution)
        exact = dated.filter(pl.col("approximate").str.to_lowercase().ne_missing("true"))
        return stats(exact, stat, question.chain_id, answer.fetched_at, PERIODS[question.resolution])

    def _stat(self, question: Question) -> Stat:
        stat, coin = LINES[question.line], self.registry.chains[question.chain_id].gas_asset_id
        return replace(stat, unit=coin or NATIVE) if stat.unit == NATIVE else stat

    def _symbol(self, chain_id: str) -> str | None:
        coin = self.registry.assets.get(self.registry.chains[chain_id].gas_asset_id)
        return coin.symbol if coin else None


def _lines_at(endpoint: Endpoint) -> str:
    return f"{endpoint.url}{SERVICE[endpoint.style]}/lines"


def _is_told(reply: Answer | Failure) -> bool:
    return isinstance(reply, Answer) or reply.status == HTTPStatus.NOT_FOUND


def _refuse_another_line(info: Any, question: Question, symbol: str | None) -> None:
    """Raises `BodyRefused` where the answer says that it is of another line, or in another unit."""
    info = info if isinstance(info, dict) else {}
    if (line := info.get("id")) and line != question.line:
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"{question.line} was asked for and {line} came")
    units = info.get("units")
    if LINES[question.line].unit == NATIVE and units and symbol and str(units).upper() != symbol.upper():
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"{question.line} of {question.chain_id} in {units}, not in {symbol}")


def _refuse_other_periods(points: pl.DataFrame, resolution: str) -> None:
    """Raises `BodyRefused` where points are not of the periods that were asked for."""
    start, end = pl.col("period_start"), day_of("date_to")
    is_other = start.dt.weekday() != MONDAY if resolution == "WEEK" else end != start
    strange = points.filter(is_other | (pl.lit(resolution == "WEEK") & (end == start)))
    if strange.height:
        first, until, weekday = strange.select("date", "date_to", start.dt.strftime("%A")).row(0)
        span = f"from {weekday} {first} to {until or 'nowhere'}"
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"a point {span} is no {resolution} (of {points.height} points)")
