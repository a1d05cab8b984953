"""What every feed is: which URLs are its own, what to ask, and how to read an answer.

Belongs here: the `Feed` base class. One module beside this one for each upstream.
Not here: HTTP, files, DuckDB, Dagster.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar
from urllib.parse import SplitResult

import polars as pl

from pipelines.registry import Registry, Source
from pipelines.tables.base import Table
from pipelines.wire import Answer, BodyRefused, Request, Requests, Window

ASKED = {
    "entity_id": pl.String,
    "from_at": pl.Datetime("us"),
    "to_at": pl.Datetime("us"),
    "from_block": pl.Int64,
    "to_block": pl.Int64,
}
"""Columns of `Feed.covers`: `from_at` is included, `to_at` is not; blocks are both included."""


@dataclass(frozen=True)
class Past:
    """What a feed was told before: its attempts in the ledger, oldest first, and the way to read an answer again.

    `attempts` has the columns of the ledger; a body that came well and could not be read has the outcome
    `layout_changed`. `answer` takes one of its rows as a mapping.
    """

    attempts: pl.DataFrame
    answer: Callable[[Mapping[str, Any]], Answer]


class Feed(ABC):
    """One table's worth of one upstream. A feed is pure: requests out, bytes in, frames out."""

    source: ClassVar[str]
    entity: ClassVar[str]
    subject: ClassVar[str]
    delivers: ClassVar[type[Table]]
    reads: ClassVar[tuple[str, ...]] = ()
    """The entities of the source whose answers fill the table, where it does not ask itself; empty: its own."""
    media: ClassVar[frozenset[str]]
    """What the upstream announces: html, json, csv."""
    by_day: ClassVar[bool] = False
    """True where one day can be asked for; otherwise an answer is the whole history."""
    by_choice: ClassVar[bool] = False
    """True where it asks only for what a user names: a chain, and its source."""
    gathers: ClassVar[bool] = False
    """True where rows are counted from many answers together, not read from one."""
    trades_on: ClassVar[str | None] = None
    """The market whose sessions are the days of the feed; None where every day is one."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    @property
    def feed_id(self) -> str:
        return f"{self.source}/{self.entity}"

    @property
    def table_name(self) -> str:
        return f"{self.source}__{self.entity}"

    @property
    def asks(self) -> bool:
        """Whether the feed asks itself; the others read what another one was told."""
        return not self.reads

    @property
    def in_partitions(self) -> bool:
        """Whether Dagster shows its days one by one; one that keeps its own account of them is shown as a whole."""
        return self.by_day and self.asks and type(self).answered is Feed.answered

    @property
    def raw_ids(self) -> list[str]:
        """The ids under which the answers that it reads are archived."""
        return [f"{self.source}/{entity}" for entity in self.reads or (self.entity,)]

    @property
    def manners(self) -> Source:
        """Settle lag, revision window and budgets; a feed that differs from its source overrides this."""
        return self.registry.sources[self.source]

    @property
    @abstractmethod
    def known_urls(self) -> list[str]:
        """Addresses a person can save by hand and import."""

    @abstractmethod
    def owns(self, url: SplitResult) -> bool:
        """Whether an answer of this address is read by this feed."""

    @abstractmethod
    def requests(self, window: Window) -> Requests:
        """What to ask for these days."""

    def conversation(self, window: Window, past: Past) -> Requests:
        """What to ask for these days after all that was asked before; most feeds need not look back."""
        return self.requests(window)

    def refusal(self, request: Request, body: bytes) -> BodyRefused | None:
        """Why a body that came well is no answer to its question; None where it is one.

        Asked when the body arrives, before its ledger row is written, in the thread that asked.
        """
        return None

    def answered(self, past: Past, days: list[date]) -> dict[date, datetime] | None:
        """When each day was last answered in full; None where the requests themselves say so (`days_of`)."""
        return None

    def unhealed(self, attempts: pl.DataFrame) -> pl.DataFrame | None:
        """The failed attempts that nothing later made good; None where a later answer to the same question does."""
        return None

    def is_read(self, request: Request) -> bool:
        """Whether answers to it have rows of this table; those of another kind are left alone."""
        return True

    def request_count(self, window: Window) -> int:
        """How many requests these days take, as far as that is known before the first answer."""
        return len(next(self.requests(window), []))

    def days(self, window: Window) -> list[date]:
        """The days of the window that this feed speaks of."""
        return self.registry.sessions(window.first, window.last) if self.trades_on else window.days()

    def days_of(self, request: Request) -> list[date]:
        """The days that a request asks for; only a feed with `by_day` can say."""
        raise NotImplementedError(f"{self.feed_id} cannot be asked by day, {request} speaks of all")

    def speaks(self, request: Request) -> bool:
        """Whether an answer to it closes its days: False where it only leads on, or where more is asked later."""
        return True

    @abstractmethod
    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """The rows of a body, as `tables.base.check` expects them. Raises `BodyRefused`."""

    def covers(self, request: Request, answer: Answer, rows: pl.DataFrame) -> pl.DataFrame:
        """What the answer speaks about, columns `ASKED`: by default, per entity, its first to its last row.

        A feed whose table is loaded by `Replace` says it from the request instead: what is covered and has no
        row any more is deleted.
        """
        at = pl.col(self.delivers.at).cast(pl.Datetime("us"))
        span = rows.group_by(entity_id=self.delivers.entity).agg(from_at=at.min(), to_at=at.max().dt.offset_by("1d"))
        return span.with_columns(from_block=pl.lit(None, pl.Int64), to_block=pl.lit(None, pl.Int64)).sort("entity_id")
