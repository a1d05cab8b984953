"""What a series asked of several hosts came to: when each was told last, and for which days.

Belongs here: questions of the ledger whose answer may come from any of some hosts.
Not here: what a host is asked, and how its answers are read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple, TypeVar

import polars as pl

from pipelines.wire import Request

Q = TypeVar("Q", bound=Hashable)


class Told(NamedTuple):
    """Days of a series, both ends included, and when they were told."""

    first: date
    last: date
    at: datetime

    def covers(self, first: date, last: date) -> bool:
        return self.first <= first and last <= self.last


def newest_ranges(
    attempts: pl.DataFrame,
    question_of: Callable[[Request], Q | None],
    are_told: Callable[[pl.DataFrame, list[Request]], list[bool]],
) -> dict[Q, list[Told]]:
    """What each question was told, newest first, without what a newer answer covers whole.

    `attempts` are rows of the ledger. A request without `from` or `to` speaks of all days until it was answered.
    """
    newest = attempts.sort("fetched_at", "fetch_id", descending=True)
    asked = [
        Request(url, params=tuple((name, value) for name, value in json.loads(params)))
        for url, params in newest.select("url", "params").rows()
    ]
    ranges: dict[Q, list[Told]] = {}
    for request, is_told, at in zip(asked, are_told(newest, asked), newest["fetched_at"], strict=True):
        question = question_of(request)
        if is_told and question is not None:
            told = _told(request, at)
            known = ranges.setdefault(question, [])
            if not any(newer.covers(told.first, told.last) for newer in known):
                known.append(told)
    return ranges


def _told(request: Request, at: datetime) -> Told:
    params = dict(request.params)
    first, last = params.get("from"), params.get("to")
    return Told(date.fromisoformat(first) if first else date.min, date.fromisoformat(last) if last else at.date(), at)


def settled_at(series: Sequence[Sequence[Told]], days: Iterable[date]) -> dict[date, datetime]:
    """When each day was last told by the series that is furthest behind; a day that one has not told is left out."""
    settled = {}
    for day in days:
        told = [next((one.at for one in ranges if one.first <= day <= one.last), None) for ranges in series]
        if all(told):
            settled[day] = min(filter(None, told))
    return settled


def open_attempts(attempts: pl.DataFrame, questions: Sequence[Hashable], are_told: Sequence[bool]) -> pl.DataFrame:
    """The last failed attempt at each address whose question no later attempt was told."""
    asked = attempts.with_columns(
        question=pl.Series([str(question) for question in questions], dtype=pl.String),
        is_told=pl.Series(are_told, dtype=pl.Boolean),
    ).sort("fetched_at", "fetch_id")
    told_at = pl.col("fetched_at").filter(pl.col("is_told")).max().over("question")
    is_healed = (pl.col("fetched_at") <= told_at).fill_null(value=False)
    failed = asked.with_columns(is_healed=is_healed).filter(~pl.col("is_told") & ~pl.col("is_healed"))
    return failed.unique("url", keep="last", maintain_order=True).select(attempts.columns)
