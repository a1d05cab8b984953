"""Typed view of the dbt seeds: sources, funds, chains, assets, protocols, what sources call them, trading sessions.

Belongs here: reading seeds and answering questions about them.
Not here: facts (they live in the seeds themselves) and anything about one upstream's format.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import polars as pl

from pipelines.chains import Asset, Chain, Protocol

T = TypeVar("T")
NEW_YORK = ZoneInfo("America/New_York")
STRIKE = time(16, 0, tzinfo=NEW_YORK)
"""When the NAV of a US fund is struck, on days that close early too."""


@dataclass(frozen=True)
class Source:
    """One row of `seeds.sources`: the manners we keep towards its hosts and how far its figures settle.

    `access`: free, page, contact (asks who we are) or key (sent as `key_header`).
    """

    source_id: str
    name: str
    hosts: tuple[str, ...]
    rate_limit_per_min: int
    requests_per_day: int
    settle_lag_hours: int
    revision_window_days: int
    history_from: date
    access: str = "free"
    key_header: str = ""


@dataclass(frozen=True)
class Fund:
    """One row of `seeds.funds`. `delisted_on` is the last day with a listing, None while it is listed."""

    fund_id: str
    ticker: str
    listed_on: date
    delisted_on: date | None

    def is_listed(self, day: date) -> bool:
        return self.listed_on <= day and (self.delisted_on is None or day <= self.delisted_on)


class SeedError(Exception):
    """A seed that cannot be read: which file and line, and what is wrong there."""


class Registry:
    """The seeds of one folder, read once."""

    def __init__(self, seeds: Path) -> None:
        self.seeds = seeds

    def _read(self, seed: str, reading: Callable[[dict[str, str]], T]) -> list[T]:
        """Every line of a seed through `reading`. Raises `SeedError`."""
        file = self.seeds / f"{seed}.csv"
        try:
            lines = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
        except OSError as error:
            raise SeedError(
                f"The seed {file} cannot be read: {error}\nGive OUTCROP_SEEDS a folder of seeds."
            ) from error
        rows = []
        for number, line in enumerate(lines, start=2):
            try:
                rows.append(reading(line))
            except (KeyError, ValueError) as error:
                raise SeedError(f"{file}, line {number}: {type(error).__name__} {error}\nMend that line.") from error
        return rows

    @cached_property
    def sources(self) -> dict[str, Source]:
        return {source.source_id: source for source in self._read("sources", _source)}

    @cached_property
    def funds(self) -> dict[str, Fund]:
        return {fund.fund_id: fund for fund in self._read("funds", _fund)}

    def fund_aliases(self, source_id: str) -> dict[str, str]:
        """Name of a fund at one source -> fund_id."""
        return self._aliases("fund_aliases", "fund_id", source_id)

    def _aliases(self, seed: str, column: str, source_id: str) -> dict[str, str]:
        rows = self._read(seed, lambda row: (row["source_id"], row["source_name"], row[column]))
        return {name: known for source, name, known in rows if source == source_id}

    @cached_property
    def chains(self) -> dict[str, Chain]:
        return {chain.chain_id: chain for chain in self._read("chains", Chain.read)}

    def chain_aliases(self, source_id: str) -> dict[str, str]:
        """Every name that answers of one source use for a chain -> chain_id."""
        return self._aliases("chain_aliases", "chain_id", source_id)

    def asked_chains(self, source_id: str) -> dict[str, str]:
        """chain_id -> the one name that goes into the addresses of a source."""
        rows = self._read(
            "chain_aliases", lambda row: (row["source_id"], row["chain_id"], row["source_name"], row["is_asked"])
        )
        return {chain_id: name for source, chain_id, name, asked in rows if (source, asked) == (source_id, "true")}

    @cached_property
    def assets(self) -> dict[str, Asset]:
        return {asset.asset_id: asset for asset in self._read("assets", Asset.read)}

    def asset_aliases(self, source_id: str) -> dict[str, str]:
        """Name of an asset at one source -> asset_id."""
        return self._aliases("asset_aliases", "asset_id", source_id)

    @cached_property
    def protocols(self) -> dict[str, Protocol]:
        return {protocol.protocol_id: protocol for protocol in self._read("protocols", Protocol.read)}

    @cached_property
    def vault_addresses(self) -> dict[str, str]:
        """Bitcoin address -> the protocol or chain whose coins it keeps."""
        return dict(self._read("vault_addresses", lambda row: (row["address"], row["owner_id"])))

    @cached_property
    def filing_tags(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """fund_id -> (taxonomy, tag) of each XBRL fact that counts the fund's bitcoin in its filings, by rank."""
        rows = self._read("filing_tags", lambda row: (row["fund_id"], int(row["rank"]), (row["taxonomy"], row["tag"])))
        funds = sorted({fund_id for fund_id, _, _ in rows})
        return {fund_id: tuple(tag for one, _, tag in sorted(rows) if one == fund_id) for fund_id in funds}

    def listings(self) -> pl.DataFrame:
        """One row per fund: fund_id, listed_on, delisted_on (null while listed)."""
        funds = [(fund.fund_id, fund.listed_on, fund.delisted_on) for fund in self.funds.values()]
        schema = {"fund_id": pl.String, "listed_on": pl.Date, "delisted_on": pl.Date}
        return pl.DataFrame(funds, schema=schema, orient="row")

    @cached_property
    def closed_days(self) -> frozenset[date]:
        """Weekdays on which XNYS does not trade (`seeds.market_exceptions`)."""
        rows = self._read("market_exceptions", lambda row: (row["market"], row["kind"], _day(row["date"])))
        return frozenset(day for market, kind, day in rows if (market, kind) == ("XNYS", "closed"))

    def is_session(self, day: date) -> bool:
        """Whether the New York exchange trades on that day (early closes are sessions)."""
        return day.weekday() < 5 and day not in self.closed_days

    def sessions(self, first: date, last: date) -> list[date]:
        """The XNYS sessions from `first` to `last`, both included."""
        days = (first + timedelta(days=n) for n in range((last - first).days + 1))
        return [day for day in days if self.is_session(day)]

    def strike_at(self, session: date) -> datetime:
        """The instant at which funds strike their NAV: 16:00 New York as naive UTC."""
        return datetime.combine(session, STRIKE).astimezone(UTC).replace(tzinfo=None)


def _source(row: dict[str, str]) -> Source:
    return Source(
        source_id=row["source_id"],
        name=row["name"],
        hosts=tuple(urlsplit(url).hostname or "" for url in (row["base_url"], *row["other_urls"].split())),
        access=row["access"],
        key_header=row["key_header"],
        rate_limit_per_min=_at_least_one(row["rate_limit_per_min"]),
        requests_per_day=_at_least_one(row["requests_per_day"]),
        settle_lag_hours=int(row["settle_lag_hours"]),
        revision_window_days=int(row["revision_window_days"]),
        history_from=_day(row["history_from"]),
    )


def _fund(row: dict[str, str]) -> Fund:
    return Fund(
        fund_id=row["fund_id"],
        ticker=row["ticker"],
        listed_on=_day(row["listed_on"]),
        delisted_on=_day(row["delisted_on"]) if row["delisted_on"] else None,
    )


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(f"a budget is 1 or more, not {number}")
    return number
