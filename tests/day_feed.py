"""Two small feeds that live in the tests: one observes a whole history, one is replaced day by day.

Belongs here: the shortest feeds that show both ways to load. A body is `{"rows": [[place, day, slot, amount]]}`;
an amount that is no number is a fault, a place in capitals is a name that nobody knows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from urllib.parse import SplitResult

import dataframely as dy
import polars as pl

from pipelines.feeds.base import ASKED, Feed
from pipelines.registry import Source
from pipelines.tables.base import Observe, Replace, Table
from pipelines.wire import Answer, BodyRefused, Outcome, Request, Requests, Window

HOST = "days.test"
SOURCE = Source(
    source_id="days",
    name="Days",
    hosts=(HOST,),
    rate_limit_per_min=600,
    requests_per_day=10_000,
    settle_lag_hours=6,
    revision_window_days=3,
    history_from=date(2026, 3, 1),
)
URL = f"https://{HOST}/days"
WIRE = {"place": pl.String, "day": pl.String, "slot": pl.Int64, "amount": pl.String}
Row = tuple[str, str, int, str]


class Seen(Table):
    """What was said of a place and a day."""

    load = Observe()
    entity = "place_id"
    at = "date_day"
    named_by = "place"

    place_id = dy.String(primary_key=True, description="Where")
    date_day = dy.Date(primary_key=True, description="When")
    slot = dy.Int64(primary_key=True, description="Which of the day")
    amount = dy.Decimal(18, 2, min=0, description="How much")


class Counted(Table):
    """What happened in a place on a day."""

    load = Replace()
    entity = "place_id"
    at = "date_day"
    named_by = "place"

    place_id = dy.String(primary_key=True, description="Where")
    date_day = dy.Date(primary_key=True, description="When")
    slot = dy.Int64(primary_key=True, description="Which of the day")
    amount = dy.Decimal(18, 2, min=0, description="How much")


def body(rows: Iterable[Row]) -> bytes:
    return json.dumps({"rows": [list(row) for row in rows]}).encode()


def url_of(day: date) -> str:
    return f"{URL}?place=here&day={day}"


class SeriesFeed(Feed):
    """One answer is everything that is known at that moment."""

    source = "days"
    entity = "series"
    subject = "test"
    delivers = Seen
    media = frozenset({"json"})

    @property
    def manners(self) -> Source:
        return SOURCE

    @property
    def known_urls(self) -> list[str]:
        return [URL]

    def owns(self, url: SplitResult) -> bool:
        return url.hostname == HOST

    def requests(self, window: Window) -> Requests:
        yield [Request.get(URL)]

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        page = answer.json()
        if "rows" not in page:
            raise BodyRefused(Outcome.LAYOUT_CHANGED, "no rows")
        rows = pl.DataFrame(page["rows"], schema=WIRE, orient="row").with_row_index("number")
        amount = pl.col("amount").cast(pl.Decimal(18, 2), strict=False)
        is_unknown = pl.col("place") != pl.col("place").str.to_lowercase()
        return rows.select(
            place_id=pl.when(~is_unknown).then("place"),
            date_day=pl.col("day").str.to_date(),
            slot="slot",
            amount=amount,
            locator=pl.format("/rows/{}", "number"),
            source_name=pl.when(is_unknown).then("place"),
            fault=pl.when(amount.is_null()).then(pl.format("{} is not a number", "amount")),
        )


class DayFeed(SeriesFeed):
    """One answer is the truth about one day of one place."""

    entity = "counts"
    delivers = Counted
    by_day = True

    def requests(self, window: Window) -> Requests:
        yield [Request.of(url_of(day)) for day in window.days()]

    def days_of(self, request: Request) -> list[date]:
        return [date.fromisoformat(dict(request.params)["day"])]

    def covers(self, request: Request, answer: Answer, rows: pl.DataFrame) -> pl.DataFrame:
        [day] = self.days_of(request)
        start = datetime(day.year, day.month, day.day)  # noqa: DTZ001 (naive UTC)
        asked = (dict(request.params)["place"], start, start + timedelta(days=1), None, None)
        return pl.DataFrame([asked], schema=ASKED, orient="row")
