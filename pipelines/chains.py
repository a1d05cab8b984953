"""What a source, a chain, an asset, a protocol, a rollup and a fund are: one typed row of their seeds each.

Belongs here: the rows and how a line of a seed becomes one.
Not here: questions about many rows (registry.py) and facts (they live in the seeds themselves).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlsplit


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

    @classmethod
    def read(cls, row: dict[str, str]) -> Source:
        return cls(
            source_id=row["source_id"],
            name=row["name"],
            hosts=tuple(urlsplit(url).hostname or "" for url in (*row["base_url"].split(), *row["other_urls"].split())),
            access=row["access"],
            key_header=row["key_header"],
            rate_limit_per_min=_at_least_one(row["rate_limit_per_min"]),
            requests_per_day=_at_least_one(row["requests_per_day"]),
            settle_lag_hours=int(row["settle_lag_hours"]),
            revision_window_days=int(row["revision_window_days"]),
            history_from=date.fromisoformat(row["history_from"]),
        )


@dataclass(frozen=True)
class Chain:
    """One row of `seeds.chains`; `all_chains` is a source's total.

    `layer_class`: what secures it, as in the seed. `launched_on`: first public day, None where it is not known.
    `gas_asset_id`: the coin that its gas is paid in, empty where it is not known. `is_subject`: under study.
    """

    chain_id: str
    name: str
    layer_class: str
    launched_on: date | None
    gas_asset_id: str = ""
    is_subject: bool = False

    @classmethod
    def read(cls, row: dict[str, str]) -> Chain:
        return cls(
            row["chain_id"],
            name=row["name"],
            layer_class=row["layer_class"],
            launched_on=date.fromisoformat(row["launched_on"]) if row["launched_on"] else None,
            gas_asset_id=row.get("gas_asset_id", ""),
            is_subject=row.get("is_seed_subject") == "true",
        )


@dataclass(frozen=True)
class Asset:
    """One row of `seeds.assets`. `kind`: native, wrapped_btc or lst; `decimals` of its smallest unit."""

    asset_id: str
    symbol: str
    kind: str
    decimals: int

    @classmethod
    def read(cls, row: dict[str, str]) -> Asset:
        return cls(row["asset_id"], symbol=row["symbol"], kind=row["kind"], decimals=int(row["decimals"]))


@dataclass(frozen=True)
class Protocol:
    """One row of `seeds.protocols`. `slug`: its name in DefiLlama's addresses, empty where none is known.

    `role`: vault, lst, dex, bridge, message_bridge or raas.
    """

    protocol_id: str
    name: str
    role: str
    slug: str

    @classmethod
    def read(cls, row: dict[str, str]) -> Protocol:
        return cls(row["protocol_id"], name=row["name"], role=row["role"], slug=row["defillama_slug"])


@dataclass(frozen=True)
class Rollup:
    """One row of `seeds.rollups`. Empty where it is not known: `chain_id`, the names at its sources, the namespace."""

    rollup_id: str
    name: str
    chain_id: str
    bvm_name: str
    celenium_slug: str
    celestia_namespace: str

    @classmethod
    def read(cls, row: dict[str, str]) -> Rollup:
        return cls(
            row["rollup_id"],
            name=row["name"],
            chain_id=row["chain_id"],
            bvm_name=row["bvm_name"],
            celenium_slug=row["celenium_slug"],
            celestia_namespace=row["celestia_namespace"],
        )


@dataclass(frozen=True)
class Fund:
    """One row of `seeds.funds`. `delisted_on` is the last day with a listing, None while it is listed."""

    fund_id: str
    ticker: str
    listed_on: date
    delisted_on: date | None

    @classmethod
    def read(cls, row: dict[str, str]) -> Fund:
        return cls(
            row["fund_id"],
            ticker=row["ticker"],
            listed_on=date.fromisoformat(row["listed_on"]),
            delisted_on=date.fromisoformat(row["delisted_on"]) if row["delisted_on"] else None,
        )

    def is_listed(self, day: date) -> bool:
        return self.listed_on <= day and (self.delisted_on is None or day <= self.delisted_on)


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(f"a budget is 1 or more, not {number}")
    return number
