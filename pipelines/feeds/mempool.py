"""mempool.space REST API: the height of the Bitcoin chain at an instant, and balances of addresses.

Belongs here: what to ask mempool.space and how to read its answers; figures are satoshis.
Not here: HTTP, files, DuckDB, Dagster; the supply that follows from a height (SQL).
Source: https://mempool.space/docs/api/rest
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

import polars as pl

from pipelines.feeds.amounts import amount, printed
from pipelines.feeds.base import ASKED, Feed
from pipelines.feeds.points import INSTANT, instant, refuse_without
from pipelines.registry import Source
from pipelines.tables.market import SATS, BtcAddressBalance, BtcHeight
from pipelines.wire import Answer, BodyRefused, Failure, Outcome, Request, Requests, Window

HOST = "mempool.space"
HEIGHT_PATH = re.compile(r"/api/v1/mining/blocks/timestamp/(\d{9,10})/?")
ADDRESS_PATH = re.compile(r"/api/address/([0-9A-Za-z]+)/?")
DAYS_AT_ONCE = 30
ISO_TIME = "%Y-%m-%dT%H:%M:%S%.fZ"


class MempoolBlockHeights(Feed):
    """The newest block at the end of each UTC day, and at the strike of each New York session."""

    source = "mempool"
    entity = "block_heights"
    subject = "market"
    delivers = BtcHeight
    media = frozenset({"json"})
    by_day = True

    @property
    def manners(self) -> Source:
        return replace(super().manners, settle_lag_hours=2, revision_window_days=1)

    @property
    def known_urls(self) -> list[str]:
        return [f"https://{HOST}/api/v1/mining/blocks/timestamp/<seconds>"]

    def owns(self, url: SplitResult) -> bool:
        return url.hostname == HOST and HEIGHT_PATH.fullmatch(url.path) is not None

    def requests(self, window: Window) -> Requests:
        """Some days at a time, first their ends and then their strikes; no more once all of them failed."""
        days = window.days()
        for n in range(0, len(days), DAYS_AT_ONCE):
            part = days[n : n + DAYS_AT_ONCE]
            ends = yield [_asking(_end_of(day)) for day in part]
            if all(isinstance(answer, Failure) for answer in ends):
                return
            answered = [day for day, answer in zip(part, ends, strict=True) if isinstance(answer, Answer)]
            strikes = [self.registry.strike_at(day) for day in answered if self.registry.is_session(day)]
            if strikes:
                yield [_asking(at) for at in strikes]

    def request_count(self, window: Window) -> int:
        days = window.days()
        return len(days) + sum(self.registry.is_session(day) for day in days)

    def days_of(self, request: Request) -> list[date]:
        """The day that contains the instant, or ends at it."""
        return [(_instant_of(request) - timedelta(microseconds=1)).date()]

    def speaks(self, request: Request) -> bool:
        """A session is answered once its strike is: that is asked last."""
        [day] = self.days_of(request)
        return not self.registry.is_session(day) or _instant_of(request) == self.registry.strike_at(day)

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `BtcHeight`, one row. Raises `BodyRefused`."""
        document = answer.json()
        refuse_without("hash", str, document)
        texts = {name: [printed(document.get(name))] for name in ("height", "hash", "timestamp")}
        block = pl.DataFrame(texts, schema=dict.fromkeys(texts, pl.String)).with_columns(
            height_read=pl.col("height").cast(pl.Int64, strict=False),
            header_at=pl.coalesce(
                instant("timestamp", "s"), pl.col("timestamp").str.to_datetime(ISO_TIME, time_unit="us", strict=False)
            ),
        )
        no_height = pl.format("height {} is no whole number", pl.col("height").fill_null("null"))
        no_time = pl.format("{} is neither seconds nor an ISO time", pl.col("timestamp").fill_null("null"))
        return block.select(
            "header_at",
            asset_id=pl.lit("btc"),
            asked_at=pl.lit(_instant_of(request), INSTANT),
            height=pl.col("height_read"),
            block_hash=pl.col("hash").str.to_lowercase(),
            locator=pl.lit("/height"),
            raw=pl.concat_str(*texts, separator=" | ", ignore_nulls=True),
            fault=pl.when(pl.col("height_read").is_null())
            .then(no_height)
            .when(pl.col("header_at").is_null())
            .then(no_time),
        )

    def covers(self, request: Request, answer: Answer, rows: pl.DataFrame) -> pl.DataFrame:
        at = _instant_of(request)
        return pl.DataFrame([("btc", at, at + timedelta(microseconds=1), None, None)], schema=ASKED, orient="row")


class MempoolAddressBalances(Feed):
    """What the vault addresses of the seeds have received and spent, as of the moment of asking."""

    source = "mempool"
    entity = "address_balances"
    subject = "tvl"
    delivers = BtcAddressBalance
    media = frozenset({"json"})

    @property
    def manners(self) -> Source:
        return replace(super().manners, settle_lag_hours=0, revision_window_days=0)

    @property
    def known_urls(self) -> list[str]:
        return [f"https://{HOST}/api/address/{quote(address, safe='')}" for address in self.registry.vault_addresses]

    def owns(self, url: SplitResult) -> bool:
        return url.hostname == HOST and ADDRESS_PATH.fullmatch(url.path) is not None

    def requests(self, window: Window) -> Requests:
        yield [Request.get(url) for url in self.known_urls]

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `BtcAddressBalance`, one row: confirmed sums only. Raises `BodyRefused`."""
        document = answer.json()
        sums = refuse_without("chain_stats", dict, document)
        asked, given = _address_of(request), printed(document.get("address"))
        if asked is not None and given != asked:
            raise BodyRefused(Outcome.LAYOUT_CHANGED, f"{asked} was asked for and {given} came")
        texts = {name: [_whole(sums.get(name))] for name in ("funded_txo_sum", "spent_txo_sum")}
        is_known = given in self.registry.vault_addresses
        columns = pl.DataFrame(texts, schema=dict.fromkeys(texts, pl.String)).with_columns(
            funded_sats=amount("funded_txo_sum", SATS), spent_sats=amount("spent_txo_sum", SATS)
        )
        is_unread = pl.col("funded_sats").is_null() | pl.col("spent_sats").is_null()
        return columns.select(
            "funded_sats",
            "spent_sats",
            address=pl.lit(given if is_known else None, pl.String),
            source_name=pl.lit(given, pl.String),
            snapshot_on=pl.lit(answer.fetched_at.date()),
            locator=pl.lit("/chain_stats"),
            raw=pl.lit(json.dumps(sums, default=str)),
            fault=pl.when(is_unread).then(pl.lit("funded_txo_sum and spent_txo_sum are not both whole numbers")),
        )


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time()) + timedelta(days=1)


def _asking(at: datetime) -> Request:
    stamp = at.replace(tzinfo=UTC).timestamp()
    return Request.get(f"https://{HOST}/api/v1/mining/blocks/timestamp/{stamp:.0f}")


def _instant_of(request: Request) -> datetime:
    """The instant that an address asks about. Raises `BodyRefused` where it is not ours."""
    found = HEIGHT_PATH.fullmatch(urlsplit(request.url).path)
    if not found:
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"{request} asks for no instant")
    return datetime.fromtimestamp(int(found[1]), UTC).replace(tzinfo=None)


def _address_of(request: Request) -> str | None:
    found = ADDRESS_PATH.fullmatch(urlsplit(request.url).path)
    return unquote(found[1]) if found else None


def _whole(value: Any) -> str | None:
    """A whole number as text; None for any other value."""
    text = printed(value)
    return text if text and re.fullmatch(r"-?\d+", text) else None
