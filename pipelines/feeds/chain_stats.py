"""What the feeds of `ChainStat` share: from dated figures of one series to rows of the table.

Belongs here: days and figures as explorers print them, which periods are over, and what an answer covers.
Not here: what one upstream calls its series and where they stand in a body (a module for each beside this one).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from pipelines.feeds.amounts import printed, shown
from pipelines.feeds.base import Feed
from pipelines.tables.activity import COUNT, VALUE, ChainStat, period_end
from pipelines.wire import Answer, BodyRefused, Outcome, Request

INSTANT = pl.Datetime("us")
POINT = {"date": pl.String, "text": pl.String, "locator": pl.String}
START_OF_DAY = r"^(\d{4}-\d{2}-\d{2})(?:[T ]00:00(?::00(?:\.0+)?)?(?:Z|[+-]00:?00)?)?$"
MOST_COINS_A_DAY = 100_000
"""More than any chain has taken in fees in a day in these coins: a figure above counts a smaller unit."""
COINS = ("btc", "rbtc", "eth")


@dataclass(frozen=True)
class Stat:
    """What one series means: the measure (seeds.metrics), the source's name of it, its definition and its unit."""

    metric_id: str
    source_metric: str
    definition: str
    unit: str = COUNT


class StatFeed(Feed):
    """A feed of series that its upstream computes anew from time to time."""

    subject = "activity"
    delivers = ChainStat

    def covers(self, request: Request, answer: Answer, rows: pl.DataFrame) -> pl.DataFrame:
        """Per chain from the start of its first period to the end of its last."""
        start = pl.col("period_start").min().cast(INSTANT)
        span = rows.group_by(entity_id="chain_id").agg(from_at=start, to_at=period_end().max())
        return span.with_columns(from_block=pl.lit(None, pl.Int64), to_block=pl.lit(None, pl.Int64)).sort("entity_id")


def points_of(items: list[Any], where: str, date: str, *values: str) -> pl.DataFrame:
    """The date and the first given value of each object in a list, as texts, columns `POINT`.

    Raises `BodyRefused`: empty_body for an empty list, layout_changed for one of other things.
    """
    if not items:
        raise BodyRefused(Outcome.EMPTY_BODY, f"no point in {where}")
    if strange := [item for item in items if not isinstance(item, dict)]:
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"{where} has {str(strange[0])[:120]} in it, no point")
    if not any(date in item and any(value in item for value in values) for item in items):
        fields = f"{date} and {' or '.join(values)}"
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no point of {where} has {fields}: {str(items[0])[:120]}")
    return pl.DataFrame(
        {
            "date": texts(item.get(date) for item in items),
            "text": texts(next((item[value] for value in values if value in item), None) for item in items),
            "locator": [f"{where}/{number}" for number in range(len(items))],
        },
        schema=POINT,
    )


def texts(values: Iterable[Any]) -> list[str | None]:
    """JSON values as they are printed."""
    return [printed(value) for value in values]


def day_of(text: str) -> pl.Expr:
    """The UTC day that a text names or is the start of; null where it is neither."""
    return pl.col(text).str.extract(START_OF_DAY, 1).str.to_date("%Y-%m-%d", strict=False)


def figure(text: str) -> pl.Expr:
    """The number of a text, rounded to 18 places; null where it is none. An exponent is read."""
    return pl.col(text).cast(VALUE, strict=False)


def stats(
    points: pl.DataFrame, stat: Stat, chain_id: str | None, fetched_at: datetime, period: str = "day"
) -> pl.DataFrame:
    """Rows of `ChainStat` from points with `date`, `text`, `locator`, `period_start` and `value`.

    A period that is not over when the answer comes has no row; one that has not begun is left to the table, which
    sets it aside by name. A point without a day or a number is a fault, as is a fee in another unit.
    """
    given = points.with_columns(period=pl.lit(period))
    has_begun = pl.col("period_start").cast(INSTANT) <= fetched_at
    is_open = (has_begun & (period_end() > fetched_at)).fill_null(value=False)
    return given.filter(~is_open).select(
        "period",
        "period_start",
        "value",
        "locator",
        chain_id=pl.lit(chain_id, pl.String),
        metric_id=pl.lit(stat.metric_id),
        source_metric=pl.lit(stat.source_metric),
        unit=pl.lit(stat.unit),
        definition=pl.lit(stat.definition),
        raw=pl.concat_str("date", "text", separator=" | ", ignore_nulls=True),
        fault=pl.coalesce(_no_day(), _no_number(), _other_unit(stat)),
    )


def _no_day() -> pl.Expr:
    reason = pl.format("'{}' is not the start of a UTC day", shown("date"))
    return pl.when(pl.col("period_start").is_null()).then(reason)


def _no_number() -> pl.Expr:
    return pl.when(pl.col("value").is_null()).then(pl.format("'{}' is not a number that fits", shown("text")))


def _other_unit(stat: Stat) -> pl.Expr:
    reason = pl.format("{} {} of fees in a day: another unit", "value", pl.lit(stat.unit))
    return pl.when(pl.lit(stat.unit in COINS) & (pl.col("value") > MOST_COINS_A_DAY)).then(reason)
