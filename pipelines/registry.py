"""Typed view of the dbt seeds: sources, funds, the names that sources use for them, and trading sessions.

Belongs here: reading seeds and answering questions about them.
Not here: facts (they live in the seeds themselves) and anything about one upstream's format.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

import polars as pl


@dataclass(frozen=True)
class Source:
    """One row of `seeds.sources`: the manners we keep towards a host and how far its figures settle."""

    source_id: str
    name: str
    host: str
    rate_limit_per_min: int
    requests_per_day: int
    settle_lag_hours: int
    revision_window_days: int
    history_from: date


@dataclass(frozen=True)
class Fund:
    """One row of `seeds.funds`. `delisted_on` is the last day with a listing, None while it is listed."""

    fund_id: str
    ticker: str
    listed_on: date
    delisted_on: date | None

    def is_listed(self, day: date) -> bool:
        return self.listed_on <= day and (self.delisted_on is None or day <= self.delisted_on)


class Registry:
    """The seeds of one folder, read once."""

    def __init__(self, seeds: Path) -> None:
        self.seeds = seeds

    def _rows(self, seed: str) -> list[dict[str, str]]:
        with (self.seeds / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    @cached_property
    def sources(self) -> dict[str, Source]:
        return {
            row["source_id"]: Source(
                source_id=row["source_id"],
                name=row["name"],
                host=urlsplit(row["base_url"]).hostname or "",
                rate_limit_per_min=int(row["rate_limit_per_min"]),
                requests_per_day=int(row["requests_per_day"]),
                settle_lag_hours=int(row["settle_lag_hours"]),
                revision_window_days=int(row["revision_window_days"]),
                history_from=date.fromisoformat(row["history_from"]),
            )
            for row in self._rows("sources")
        }

    @cached_property
    def funds(self) -> dict[str, Fund]:
        return {
            row["fund_id"]: Fund(
                fund_id=row["fund_id"],
                ticker=row["ticker"],
                listed_on=date.fromisoformat(row["listed_on"]),
                delisted_on=date.fromisoformat(row["delisted_on"]) if row["delisted_on"] else None,
            )
            for row in self._rows("funds")
        }

    def fund_aliases(self, source_id: str) -> dict[str, str]:
        """Name of a fund at one source -> fund_id."""
        rows = self._rows("fund_aliases")
        return {row["source_name"]: row["fund_id"] for row in rows if row["source_id"] == source_id}

    def listings(self) -> pl.DataFrame:
        """One row per fund: fund_id, listed_on, delisted_on (null while listed)."""
        funds = [(fund.fund_id, fund.listed_on, fund.delisted_on) for fund in self.funds.values()]
        schema = {"fund_id": pl.String, "listed_on": pl.Date, "delisted_on": pl.Date}
        return pl.DataFrame(funds, schema=schema, orient="row")

    @cached_property
    def closed_days(self) -> frozenset[date]:
        """Weekdays on which XNYS does not trade (`seeds.market_exceptions`)."""
        rows = self._rows("market_exceptions")
        return frozenset(
            date.fromisoformat(row["date"]) for row in rows if row["market"] == "XNYS" and row["kind"] == "closed"
        )

    def is_session(self, day: date) -> bool:
        """Whether the New York exchange trades on that day (early closes are sessions)."""
        return day.weekday() < 5 and day not in self.closed_days

    def sessions(self, first: date, last: date) -> list[date]:
        """The XNYS sessions from `first` to `last`, both included."""
        days = (first + timedelta(days=n) for n in range((last - first).days + 1))
        return [day for day in days if self.is_session(day)]
