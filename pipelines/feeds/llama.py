"""What the feeds of DefiLlama's TVL share: addresses, lists of dated points as frames, figures, snapshots.

Belongs here: how this API writes points, and which of them speak of a day that is over.
Not here: what any one endpoint is asked for, and prices (another host with other answers).
Source: https://github.com/DefiLlama/api-docs (defillama-openapi-free.json, tag TVL)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import SplitResult, quote, unquote

import polars as pl

from pipelines.feeds.amounts import amount, printed
from pipelines.feeds.base import Feed
from pipelines.registry import Source
from pipelines.wire import Answer, BodyRefused, Outcome, Request

HOST = "api.llama.fi"
SECONDS_FROM, SECONDS_TO = 1_000_000_000, 100_000_000_000
"""Years 2001 to 5138: an epoch in days or hours lies before, one in milliseconds after."""
NOT_A_NUMBER = ("nan", "NaN")


def address(*parts: str) -> str:
    """The URL of an endpoint; names are escaped, `MAP Protocol` has a space."""
    return "/".join([f"https://{HOST}", *(quote(part, safe="") for part in parts)])


def named(url: SplitResult, *prefix: str) -> str | None:
    """The name that follows the prefix in a path, '' where none does; None where it is another endpoint."""
    path = url.path.strip("/").split("/")
    if url.hostname != HOST or tuple(path[: len(prefix)]) != prefix or len(path) > len(prefix) + 1:
        return None
    return unquote(path[-1]) if len(path) > len(prefix) else ""


def listed(body: Any, what: str, *fields: str) -> list[dict[str, Any]]:
    """The objects of a list that is never empty, each of the fields in at least one of them.

    Raises `BodyRefused` (layout_changed) for anything else.
    """
    if not isinstance(body, list) or not body:
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no list of {what} but {str(body)[:120]}")
    if strange := [item for item in body if not isinstance(item, dict)]:
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"a list of {what} has {str(strange[0])[:120]} in it")
    if absent := [field for field in fields if not any(field in item for item in body)]:
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"a list of {what} without {absent[0]}: {str(body[0])[:120]}")
    return body


def pointed(text: str) -> str:
    """A name as a step of a JSON pointer."""
    return text.replace("~", "~0").replace("/", "~1")


def texts(items: Iterable[dict[str, Any]], field: str) -> pl.Series:
    """One field of each item as text, null where it is null or absent."""
    return pl.Series(field, [printed(item.get(field)) for item in items], dtype=pl.String)


def dated(points: pl.DataFrame) -> pl.DataFrame:
    """Points with `observed_at`, null where `date` is no number of seconds.

    Raises `BodyRefused` (layout_changed) where none of them is.
    """
    seconds = pl.col("date").str.replace(r"\.0+$", "").cast(pl.Int64, strict=False)
    is_in_range = seconds.is_between(SECONDS_FROM, SECONDS_TO)
    found = points.with_columns(observed_at=pl.from_epoch(pl.when(is_in_range).then(seconds), time_unit="s"))
    found = found.cast({"observed_at": pl.Datetime("us")})
    if found.height and found["observed_at"].is_null().all():
        reason = f"no date of {found.height} is in seconds, the first is {found['date'][0]}"
        raise BodyRefused(Outcome.LAYOUT_CHANGED, reason)
    return found


def closed(points: pl.DataFrame, fetched_at: datetime, series: tuple[str, ...] = ()) -> pl.DataFrame:
    """Points without the last of each series, which moves until its day is over, in the order of time.

    Points dated after the answer stay, to be set aside by name: they say nothing about which day is open.
    """
    last = pl.col("observed_at").filter(pl.col("observed_at") <= fetched_at).max()
    last = last.over(series) if series else last
    is_read = (pl.col("observed_at") != last).fill_null(value=True)
    return points.filter(is_read).sort("observed_at", maintain_order=True)


def date_day() -> pl.Expr:
    """The day that ends at `observed_at`."""
    return pl.col("observed_at").dt.offset_by("-1d").dt.date()


def date_fault() -> pl.Expr:
    """Why a point has no instant."""
    reason = pl.format("the date {} is not in seconds", pl.col("date").fill_null("null"))
    return pl.when(pl.col("observed_at").is_null()).then(reason)


def figure_fault(text: str, kind: pl.Decimal) -> pl.Expr:
    """Why a text is no number. Null and NaN are none either, and are left to the rules of the table."""
    is_unread = ~pl.col(text).is_in(NOT_A_NUMBER) & amount(text, kind).is_null()
    return pl.when(is_unread).then(pl.format("{} is not a number", text))


class Snapshot(Feed):
    """A list of what is there at the moment of asking: nothing settles, and no earlier day can be had."""

    source = "defillama"
    subject = "tvl"
    media = frozenset({"json"})

    @property
    def manners(self) -> Source:
        return replace(self.registry.sources[self.source], settle_lag_hours=0, revision_window_days=0)

    def covers(self, request: Request, answer: Answer, rows: pl.DataFrame) -> pl.DataFrame:
        """The chains of the seeds that the list has something about."""
        known = rows.drop_nulls("chain_id").with_columns(pl.col("chain_id").alias(self.delivers.entity))
        return super().covers(request, answer, known)
