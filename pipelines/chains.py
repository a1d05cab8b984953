"""What a chain, an asset and a protocol are: one typed row of their seeds each.

Belongs here: the rows and how a line of a seed becomes one.
Not here: questions about many rows (registry.py) and facts (they live in the seeds themselves).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Chain:
    """One row of `seeds.chains`; `all_chains` is a source's total.

    `layer_class`: what secures it, as in the seed. `launched_on`: first public day, None where it is not known.
    """

    chain_id: str
    name: str
    layer_class: str
    launched_on: date | None

    @classmethod
    def read(cls, row: dict[str, str]) -> Chain:
        launched_on = date.fromisoformat(row["launched_on"]) if row["launched_on"] else None
        return cls(row["chain_id"], name=row["name"], layer_class=row["layer_class"], launched_on=launched_on)


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
