"""Typed view of the dbt seeds: sources, funds, chains, assets, bridges, what sources call them, trading sessions.

Belongs here: reading seeds and answering questions about them.
Not here: facts (they live in the seeds themselves) and anything about one upstream's format.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar
from zoneinfo import ZoneInfo

import polars as pl

from pipelines.bridges import Bridge, BridgeContract, Endpoint, EvmChain, SystemTransaction
from pipelines.chains import Asset, Chain, Fund, Protocol, Rollup, Source

T = TypeVar("T")
NEW_YORK = ZoneInfo("America/New_York")
STRIKE = time(16, 0, tzinfo=NEW_YORK)
"""When the NAV of a US fund is struck, on days that close early too."""


class SeedError(Exception):
    """A seed that cannot be read: which file and line, and what is wrong there."""


class Registry:
    """The seeds of one folder, read once, and two wishes of the user: own nodes by chain, and the chains to ask."""

    def __init__(
        self,
        seeds: Path,
        own_endpoints: Mapping[str, Sequence[str]] = MappingProxyType({}),
        chains: frozenset[str] = frozenset(),
    ) -> None:
        self.seeds = seeds
        self._own_endpoints = own_endpoints
        self._only_chains = chains

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
        return {source.source_id: source for source in self._read("sources", Source.read)}

    @cached_property
    def funds(self) -> dict[str, Fund]:
        return {fund.fund_id: fund for fund in self._read("funds", Fund.read)}

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
    def rollups(self) -> dict[str, Rollup]:
        return {rollup.rollup_id: rollup for rollup in self._read("rollups", Rollup.read)}

    @cached_property
    def evm_chain_ids(self) -> dict[str, int]:
        """chain_id -> its number by EIP-155, of all chains that have one."""
        named = self._read("chains", lambda row: (row["chain_id"], row["evm_chain_id"]))
        return {chain_id: int(number) for chain_id, number in named if number}

    @cached_property
    def evm_chains(self) -> dict[str, EvmChain]:
        chains = self._read("evm_chains", lambda row: EvmChain.read(row, self.evm_chain_ids))
        return {chain.chain_id: chain for chain in chains}

    @cached_property
    def chain_of_evm_id(self) -> dict[int, str]:
        return {chain.evm_chain_id: chain.chain_id for chain in self.evm_chains.values()}

    @cached_property
    def asked_evm_chains(self) -> tuple[EvmChain, ...]:
        """The EVM chains that have a bridge with a feed; where the user named chains, only those of them."""
        bridged = {bridge.chain_id for bridge in self.bridges.values() if bridge.has_feed}
        asked = bridged & self._only_chains if self._only_chains else bridged
        return tuple(chain for chain in self.evm_chains.values() if chain.chain_id in asked)

    @cached_property
    def named_evm_chains(self) -> tuple[EvmChain, ...]:
        """The EVM chains that the user named: only these are asked for whole blocks."""
        return tuple(chain for chain in self.evm_chains.values() if chain.chain_id in self._only_chains)

    def endpoints(self, source_id: str, chain_id: str) -> tuple[Endpoint, ...]:
        """Where a chain is asked: own nodes, then the source's endpoints by rank."""
        listed = [end for source, end in self._source_endpoints if (source, end.chain_id) == (source_id, chain_id)]
        return (*self._own(chain_id), *sorted(listed, key=lambda end: end.rank))

    @cached_property
    def all_endpoints(self) -> tuple[Endpoint, ...]:
        """Own nodes and the listed endpoints of every source and chain."""
        own = (end for chain_id in self._own_endpoints for end in self._own(chain_id))
        return (*own, *(end for _, end in self._source_endpoints))

    def _own(self, chain_id: str) -> list[Endpoint]:
        return [Endpoint.own(chain_id, url) for url in self._own_endpoints.get(chain_id, ())]

    @cached_property
    def _source_endpoints(self) -> list[tuple[str, Endpoint]]:
        return self._read("source_endpoints", lambda row: (row["source_id"], Endpoint.read(row)))

    @cached_property
    def bridges(self) -> dict[str, Bridge]:
        return {bridge.bridge_id: bridge for bridge in self._read("bridges", Bridge.read)}

    @cached_property
    def bridge_contracts(self) -> tuple[BridgeContract, ...]:
        return tuple(self._read("bridge_contracts", BridgeContract.read))

    @cached_property
    def system_transactions(self) -> tuple[SystemTransaction, ...]:
        return tuple(self._read("system_transactions", SystemTransaction.read))

    def bridge_addresses(self, bridge_id: str, role: str) -> tuple[str, ...]:
        """The addresses that play one role in a bridge, sorted."""
        rows = self._read("bridge_addresses", lambda row: (row["bridge_id"], row["role"], row["address"]))
        return tuple(sorted(address for *named, address in rows if named == [bridge_id, role]))

    def bridge_status_codes(self, bridge_id: str) -> dict[int, str]:
        """Number in a status event of a bridge -> status."""
        rows = self._read("bridge_status_codes", lambda row: (row["bridge_id"], int(row["code"]), row["status"]))
        return {code: status for bridge, code, status in rows if bridge == bridge_id}

    @cached_property
    def peg_accounts(self) -> dict[str, str]:
        """chain_id -> the account whose balance is what the chain's peg has not given out."""
        return dict(self._read("peg_accounts", lambda row: (row["chain_id"], row["account"])))

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


def _day(text: str) -> date:
    return date.fromisoformat(text)
