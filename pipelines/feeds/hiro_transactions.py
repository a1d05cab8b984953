"""Stacks transactions of a day from Hiro's API: who sent them, so that active addresses can be counted for any period.

Belongs here: walking down the pages of a day and reading them. Active is who sends a transfer, a contract or a call to
one, aborted ones included: their fee is paid. What miners write, and sponsors of fees, do not count.
Not here: what other sources count as active, HTTP, files, DuckDB, Dagster; the key is the transport's.
Source: https://docs.hiro.so (Stacks API v9: /extended/v3/transactions, /extended/v2/blocks/by-block-time/{timestamp})
"""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import SplitResult

import polars as pl

from pipelines.feeds.amounts import amount, printed
from pipelines.feeds.base import Feed
from pipelines.feeds.points import instant, refuse_without
from pipelines.registry import Source
from pipelines.tables.activity import AddressTransaction
from pipelines.wire import Answer, BodyRefused, Failure, Outcome, Request, Requests, Window

HOST = "https://api.hiro.so"
PAGES = f"{HOST}/extended/v3/transactions"
BLOCK_BEFORE = f"{HOST}/extended/v2/blocks/by-block-time/"
CHAIN_ID = "stacks"
MOST_PER_PAGE = 50
CURSOR = re.compile(r"[0-9]{1,15}:[0-9]{1,15}:[0-9]{1,15}")
KINDS = ("token_transfer", "contract_call", "smart_contract")
TX_ID = "^0x[0-9a-f]{64}$"
USTX = pl.Decimal(38, 0)
ONE_DAY, ONE_SECOND = timedelta(days=1), timedelta(seconds=1)
FIELDS = {
    "tx_id": ("tx_id",),
    "address": ("sender", "address"),
    "height": ("block", "height"),
    "time": ("block", "time"),
    "kind": ("type",),
    "status": ("status",),
    "fee": ("fee_rate",),
}


class HiroActiveAddresses(Feed):
    """The transactions of each day, 50 a page. A day takes hundreds of pages, so a key is wanted before it is asked."""

    source = "hiro"
    entity = "active_addresses"
    subject = "activity"
    delivers = AddressTransaction
    media = frozenset({"json"})
    by_day = True

    @property
    def manners(self) -> Source:
        return replace(super().manners, access="key", settle_lag_hours=2, revision_window_days=0)

    @property
    def known_urls(self) -> list[str]:
        return [PAGES]

    def owns(self, url: SplitResult) -> bool:
        address = f"https://{url.hostname}{url.path}"
        return address.rstrip("/") == PAGES or address.startswith(BLOCK_BEFORE)

    def requests(self, window: Window) -> Requests:
        """Day by day: the last block of the day, the pages from it down, and the last block of the day before.

        The last of them closes the day: it is asked once the pages have come down to where the day begins.
        """
        for day in window.days():
            [last] = yield [_block_before(_start(day) + ONE_DAY - ONE_SECOND)]
            height = _height(last)
            if height is not None and (yield from self._pages(day, height)):
                yield [_block_before(_start(day))]

    def _pages(self, day: date, height: int) -> Generator[list[Request], list[Answer | Failure], bool]:
        """Pages from a block down to the first one of a day; whether they came so far."""
        cursor: str | None = f"{height + 1}:0:0"
        while cursor:
            [page] = yield [Request.get(PAGES, {"limit": str(MOST_PER_PAGE), "cursor": cursor})]
            oldest, following = _end_of(page)
            if oldest is None or oldest < _start(day) or following is None:
                return oldest is not None
            cursor = following if _is_below(following, cursor) else None
        return False

    def request_count(self, window: Window) -> int:
        """The bounds alone: how many pages lie between is not known before."""
        return 2 * len(window.days())

    def speaks(self, request: Request) -> bool:
        asked = _asked_at(request)
        return asked is not None and asked.time() == time()

    def days_of(self, request: Request) -> list[date]:
        """The day of a bound; a page does not say."""
        asked = _asked_at(request)
        return [asked.date()] if asked else []

    def is_read(self, request: Request) -> bool:
        return _asked_at(request) is None

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `AddressTransaction`. Raises `BodyRefused`."""
        found = _results(answer)
        return found.filter(pl.col("kind").is_in(KINDS)).select(
            "address",
            "status",
            "locator",
            chain_id=pl.lit(CHAIN_ID),
            tx_id="tx_id",
            block_number="block_number",
            block_at="block_at",
            date_day=pl.col("block_at").dt.date(),
            tx_kind="kind",
            fee_ustx=amount("fee", USTX),
            raw=pl.concat_str(*FIELDS, separator=" | ", ignore_nulls=True),
            fault=_fault(),
        )

    def covers(self, request: Request, answer: Answer, rows: pl.DataFrame) -> pl.DataFrame:
        """The blocks of the page, those included that have no transaction of an address."""
        height = pl.col("block_number")
        span = _results(answer).select(
            entity_id=pl.lit(CHAIN_ID),
            from_at=pl.lit(None, pl.Datetime("us")),
            to_at=pl.lit(None, pl.Datetime("us")),
            from_block=height.min(),
            to_block=height.max(),
        )
        return span.head(1).drop_nulls("from_block")


def _start(day: date) -> datetime:
    return datetime.combine(day, time())


def _block_before(at: datetime) -> Request:
    return Request.get(f"{BLOCK_BEFORE}{int(at.replace(tzinfo=UTC).timestamp())}")


def _asked_at(request: Request) -> datetime | None:
    """The instant that a bound asks for; None for a page."""
    stamp = request.url.removeprefix(BLOCK_BEFORE)
    return datetime.fromtimestamp(int(stamp), UTC).replace(tzinfo=None) if stamp.isdecimal() else None


def _height(reply: Answer | Failure) -> int | None:
    """The height of the block that a bound names; None where it names none."""
    try:
        return int(reply.json()["height"]) if isinstance(reply, Answer) else None
    except (BodyRefused, LookupError, TypeError, ValueError):
        return None


def _end_of(page: Answer | Failure) -> tuple[datetime | None, str | None]:
    """The time of the oldest transaction of a page, None where it has none, and the cursor of the next page."""
    if isinstance(page, Failure):
        return None, None
    try:
        oldest, following = _results(page)["block_at"].min(), page.json()["cursor"]["next"]
    except (BodyRefused, LookupError, TypeError):
        return None, None
    return oldest if isinstance(oldest, datetime) else None, following if isinstance(following, str) else None


def _is_below(cursor: str, before: str) -> bool:
    """Whether a cursor leads on downwards, so that pages come to an end."""
    following, current = ([int(part) for part in one.split(":") if part.isdecimal()] for one in (cursor, before))
    return CURSOR.fullmatch(cursor) is not None and following < current


def _results(answer: Answer) -> pl.DataFrame:
    """Every transaction of a page: `FIELDS` as texts, `block_number`, `block_at`, `locator`. Raises `BodyRefused`."""
    results = refuse_without("results", list, answer.json())
    if strange := [one for one in results if not isinstance(one, dict)]:
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"/results has {str(strange[0])[:120]} in it, no transaction")
    columns = {name: [_at(one, path) for one in results] for name, path in FIELDS.items()}
    columns["locator"] = [f"/results/{number}" for number in range(len(results))]
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)).with_columns(
        block_number=pl.col("height").cast(pl.Int64, strict=False), block_at=instant("time", "s")
    )


def _at(item: dict[str, Any], path: tuple[str, ...]) -> str | None:
    value: Any = item
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return printed(value)


def _fault() -> pl.Expr:
    is_whole = (
        pl.col("tx_id").str.contains(TX_ID)
        & pl.col("address").str.starts_with("S")
        & pl.col("block_at").is_not_null()
        & pl.col("block_number").is_not_null()
        & amount("fee", USTX).is_not_null()
    ).fill_null(value=False)
    return pl.when(~is_whole).then(pl.lit("id, sender, block and fee are not all readable"))
