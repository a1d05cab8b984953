"""The polite session: asks upstreams, retries what can heal, and puts every attempt on record.

Belongs here: the order archive - ledger - answer, retries and their waits, threads, budgets by host.
Not here: one exchange over HTTP (courier.py), what it amounts to (judging.py), files (archive.py), parsing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import polars as pl
from requests.adapters import BaseAdapter

from pipelines.bridges import Endpoint
from pipelines.registry import Source
from pipelines.settings import Clock, Settings
from pipelines.transport.addresses import registered_name
from pipelines.transport.archive import Archive
from pipelines.transport.courier import THREADS, Attempt, Courier
from pipelines.transport.judging import Verdict, can_heal, come_back_at, judge, media_type
from pipelines.transport.ledger import BY_HAND, LedgerRow
from pipelines.transport.pace import DAY, Pace, Spent
from pipelines.wire import Answer, BodyRefused, Failure, Outcome, Request, cleaned

BACKOFF_SECONDS = (1, 4)
"""Waits before the second and the third attempt; there is no fourth."""
KEPT_HEADERS = frozenset({"date", "last-modified", "etag", "retry-after", "content-type", "server", "cf-ray"})


Refusal = Callable[[Request, bytes], BodyRefused | None]
"""Why a body that came well is no answer (`Feed.refusal`)."""


@dataclass(frozen=True)
class Transport:
    """How the world is reached. Tests and the simulated world pass their own; nothing is patched.

    `adapter` None is the real network. `sleep` must let `clock` go on. `paced` False: no budgets and no
    waiting, for a world that needs no manners.
    """

    clock: Clock
    adapter: BaseAdapter | None = None
    sleep: Callable[[float], None] = time.sleep
    paced: bool = True


class Session:
    """Asks the hosts of `sources` and `endpoints`, and files every attempt in the archive."""

    def __init__(
        self,
        archive: Archive,
        sources: Iterable[Source],
        transport: Transport,
        settings: Settings,
        endpoints: Iterable[Endpoint] = (),
    ) -> None:
        sources, endpoints = list(sources), list(endpoints)
        self._archive = archive
        self._transport = transport
        self._paces = _paces(archive, [*sources, *endpoints], transport) if transport.paced else {}
        self._courier = Courier(
            hosts=_names(host for one in (*sources, *endpoints) for host in one.hosts),
            own_hosts=_names(host for endpoint in endpoints if endpoint.is_own for host in endpoint.hosts),
            take_place=self._take_place,
            adapter=transport.adapter,
            clock=transport.clock,
            settings=settings,
            keys=_keys(sources, settings),
        )

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._courier.close()

    def ask(
        self, feed: str, media: frozenset[str], requests: list[Request], refusal: Refusal = lambda *_: None
    ) -> list[Answer | Failure]:
        """One answer or failure for each request, in their order. Several requests are asked in parallel."""

        def ask_one(request: Request) -> Answer | Failure:
            return self._ask(feed, media, request, refusal)

        if len(requests) < 2:
            return [ask_one(request) for request in requests]
        with ThreadPoolExecutor(THREADS) as threads:
            return list(threads.map(ask_one, requests))

    def _ask(self, feed: str, media: frozenset[str], request: Request, refusal: Refusal) -> Answer | Failure:
        for backoff_seconds in BACKOFF_SECONDS:
            attempt, verdict, result = self._attempt(feed, media, request, refusal)
            if not can_heal(attempt, verdict, divisible=request.divisible):
                return result
            self._wait(attempt, backoff_seconds)
        _, _, result = self._attempt(feed, media, request, refusal)
        return result

    def _attempt(
        self, feed: str, media: frozenset[str], request: Request, refusal: Refusal
    ) -> tuple[Attempt, Verdict, Answer | Failure]:
        """One attempt, on record: the body first, then its ledger row, and only then is it acted upon."""
        try:
            attempt = self._courier.carry(request, media)
        except Spent as spent:
            attempt = Attempt(self._transport.clock.now(), Outcome.BUDGET_SPENT, str(spent))
        self._hold(attempt)
        sha256 = self._archive.store(attempt.body) if attempt.body else None
        verdict = judge(attempt, media)
        if verdict.outcome is Outcome.OK and (refused := refusal(request, attempt.body)):
            verdict = Verdict(refused.outcome, refused.reason)
        row = _row(feed, request, attempt, verdict, sha256)
        self._archive.append(row)
        return attempt, verdict, _result(request, row, attempt.body)

    def _take_place(self, host: str) -> None:
        if pace := self._paces.get(host):
            pace.take()

    def _hold(self, attempt: Attempt) -> None:
        """Where a host names the time to come back, no thread asks it before."""
        pace, until = self._paces.get(attempt.host), come_back_at(attempt)
        if pace and until:
            pace.hold(until)

    def _wait(self, attempt: Attempt, backoff_seconds: float) -> None:
        if self._transport.paced:
            back_at = come_back_at(attempt) or attempt.ended_at
            self._transport.sleep(max(backoff_seconds, (back_at - attempt.ended_at).total_seconds()))


def _row(feed: str, request: Request, attempt: Attempt, verdict: Verdict, sha256: str | None) -> LedgerRow:
    asked = request.without_secrets()
    content_type, charset = media_type(attempt)
    kept = sorted(KEPT_HEADERS & attempt.headers.keys())
    return LedgerRow.of(
        feed=feed,
        method=asked.method,
        url=asked.url,
        params=asked.params,
        request_body=asked.body,
        fetched_at=attempt.ended_at,
        status=attempt.status,
        content_type=content_type,
        charset=charset,
        headers={name: cleaned(attempt.headers[name]) for name in kept},
        bytes=len(attempt.body),
        sha256=sha256,
        outcome=verdict.outcome,
        error=_told(request, verdict.reason) if verdict.reason else None,
    )


def _told(request: Request, reason: str) -> str:
    return cleaned(reason.replace(request.secret_path, "") if request.secret_path else reason)


def _names(hosts: Iterable[str]) -> frozenset[str]:
    return frozenset(registered_name(host) for host in hosts)


def _result(request: Request, row: LedgerRow, body: bytes) -> Answer | Failure:
    """What the feed is given: the request as it asked it, and the answer of its ledger row."""
    if row.outcome is not Outcome.OK or row.status is None or row.sha256 is None:
        return Failure(request, row.fetch_id, row.fetched_at, row.outcome, row.error or "", row.status)
    return Answer(request, row.fetch_id, row.fetched_at, row.status, row.content_type, row.charset, row.sha256, body)


def _paces(archive: Archive, sources: list[Source | Endpoint], transport: Transport) -> dict[str, Pace]:
    """A pace per host. What the ledger says was sent in the last 24 hours has taken its places already."""
    sent = _sent_by_host(archive, transport.clock.now())
    by_host: dict[str, list[Source | Endpoint]] = {}
    for source in sources:
        for host in source.hosts:
            by_host.setdefault(registered_name(host), []).append(source)
    return {
        host: Pace(
            host,
            per_minute=min(source.rate_limit_per_min for source in sharing),
            per_day=min(source.requests_per_day for source in sharing),
            sent=sent.get(host, []),
            clock=transport.clock,
            sleep=transport.sleep,
        )
        for host, sharing in by_host.items()
    }


def _keys(sources: list[Source], settings: Settings) -> dict[str, tuple[str, str]]:
    """Host -> the header with the key that the user has for it."""
    return {
        registered_name(host): (source.key_header, settings.keys[source.source_id].get_secret_value())
        for source in sources
        if source.key_header and source.source_id in settings.keys
        for host in source.hosts
    }


def _sent_by_host(archive: Archive, now: datetime) -> dict[str, list[datetime]]:
    rows = archive.ledger(since=now - DAY).filter(
        pl.col("fetched_at") <= now,
        pl.col("outcome") != Outcome.BUDGET_SPENT,
        pl.col("headers") != json.dumps(BY_HAND),
    )
    host = pl.col("url").str.extract(r"^https?://([^/:?#]+)").str.to_lowercase().str.strip_prefix("www.")
    by_host = rows.group_by(host=host).agg(pl.col("fetched_at").sort())
    return dict(by_host.drop_nulls().rows())
