"""What travels into the warehouse: the bodies of one feed's load, and how its table stands afterwards.

Belongs here: values only. What is written of them is in writer.py and records.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

import polars as pl

from pipelines.wire import Outcome


@dataclass(frozen=True)
class Body:
    """What one archived body came to. A refused body has no rows, but an outcome and a reason."""

    fetch_id: str
    outcome: Outcome = Outcome.OK
    reason: str | None = None
    rows: pl.DataFrame = field(default_factory=pl.DataFrame)
    rejected: pl.DataFrame = field(default_factory=pl.DataFrame)
    unknown: pl.DataFrame = field(default_factory=pl.DataFrame)
    asked: pl.DataFrame = field(default_factory=pl.DataFrame)


@dataclass(frozen=True)
class Incident:
    """A failed request or a refused body, and what to do about it."""

    outcome: str
    request: str
    reason: str
    next_step: str
    fetch_id: str
    fetched_at: datetime


@dataclass(frozen=True)
class Notes:
    """What a load says of its attempts when all its bodies are read.

    `ledger` holds every attempt of the feed, columns of `tables.ledger.Ledger`; None for a feed that did not ask.
    """

    table_name: str
    ledger: pl.DataFrame | None
    incidents: list[Incident]
    run_id: str


@dataclass(frozen=True)
class Loads:
    """The bodies that a table was filled from, in order, and the code that read them."""

    fetch_ids: list[str] = field(default_factory=list)
    outcomes: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    readers: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Standing:
    """A table as it is: its rows and days, and what was set aside while it was filled."""

    rows: int
    first_day: date | None
    last_day: date | None
    rejected_rows: int
    unknown_names: list[str]
