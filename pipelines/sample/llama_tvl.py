"""api.llama.fi in the simulated world, chains: their TVL now and their histories as JSON, as bytes.

Belongs here: names, dates and restatements. The point of a day is its 00:00 UTC, the last one is taken anew every
hour. A chain that is listed before its first protocol shows the moment alone, and 0. From a day on a part of
Merlin is flagged double counted: its history of some months is lower than before, and so is the total's. BSquared
is written in another way at first; either name finds it.
Not here: what is true (`tvl`), protocols (`llama_protocols`), and reading such answers (`pipelines.feeds.llama`).
Layout: the published OpenAPI; identifiers of chains: DefiLlama's normalizeChain.ts of about March 2025.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from pipelines.registry import Registry
from pipelines.sample.exchange import Asked, Page, as_json, text
from pipelines.sample.times import full_hour, midnight, seconds
from pipelines.sample.tvl import ALL_CHAINS, CENT
from pipelines.sample.world import World

CHAINS = "GET api.llama.fi/v2/chains"
HISTORY = "GET api.llama.fi/v2/historicalChainTvl"
FLAGGED, FLAGGED_ON = "merlin", date(2024, 10, 1)
"""The chain of which a part is flagged double counted, and the first day that shows it."""
RENAMED = {"bsquared": ("Bsquared", date(2024, 7, 15))}
"""chain_id -> the name that the list of chains has until a day."""


@dataclass(frozen=True)
class Listing:
    """What the list of chains says of a chain beside its TVL."""

    name: str
    gecko_id: str | None = None
    symbol: str | None = None
    evm_id: int | str | None = None


LISTINGS = {
    "bitcoin": Listing("Bitcoin", "bitcoin", "BTC"),
    "ethereum": Listing("Ethereum", "ethereum", "ETH", 1),
    "merlin": Listing("Merlin"),
    "bitlayer": Listing("Bitlayer", evm_id=200901),
    "rootstock": Listing("Rootstock", "rootstock", "RBTC", 30),
    "bob": Listing("BOB", evm_id=60808),
    "stacks": Listing("Stacks", "blockstack", "STX"),
    "naka": Listing("Naka"),
    "nos": Listing("NOS"),
    "core": Listing("CORE", "coredaoorg", "CORE"),
    "bsquared": Listing("BSquared"),
    "interlay": Listing("Interlay", "interlay", "INTR"),
    "map_protocol": Listing("MAP Protocol", "marcopolo", "MAP"),
    "libre": Listing("Libre", "libre", "LIBRE"),
    "rollux": Listing("Rollux", evm_id=570),
    "bevm": Listing("BEVM"),
    "satoshivm": Listing("SatoshiVM", evm_id="3109"),
    "bouncebit": Listing("BounceBit", "bouncebit", "BB", 6001),
    "ailayer": Listing("AILayer", evm_id=2649),
    "exsat": Listing("exSat", evm_id=7200),
    "corn": Listing("Corn", evm_id=21000000),
    "hemi": Listing("Hemi", evm_id=43111),
    "goat": Listing("Goat", evm_id=2345),
    "solana": Listing("Solana", "solana", "SOL"),
    "tron": Listing("Tron", "tron", "TRX"),
    "bsc": Listing("BSC", "binancecoin", "BNB", 56),
    "base": Listing("Base", evm_id=8453),
    "arbitrum": Listing("Arbitrum", "arbitrum", "ARB", 42161),
    "avalanche": Listing("Avalanche", "avalanche-2", "AVAX", 43114),
    "polygon": Listing("Polygon", "matic-network", "POL", 137),
    "sui": Listing("Sui", "sui", "SUI"),
    "mantle": Listing("Mantle", "mantle", "MNT", 5000),
}
"""Names of `/v2/chains`. Those after Goat are assumed, as is the order."""


class LlamaTvl:
    """The chains' part of the service."""

    def __init__(self, world: World, registry: Registry) -> None:
        self._world = world
        self._flagged = world.anchors.points(f"{FLAGGED}.double_counted")
        listed = {listing.name: chain_id for chain_id, listing in LISTINGS.items()}
        self.chain_ids = listed | registry.chain_aliases("defillama")

    def answer(self, asked: Asked) -> Page | None:
        if asked.line == CHAINS:
            return as_json(self._chains(asked.at))
        if asked.line == HISTORY:
            return as_json(self._history(ALL_CHAINS, asked.at))
        if not asked.line.startswith(f"{HISTORY}/"):
            return None
        chain_id = self.chain_ids.get(unquote(asked.line.removeprefix(f"{HISTORY}/")))
        return as_json(self._history(chain_id, asked.at)) if chain_id else text("Chain not found", 404)

    def shown_usd(self, chain_id: str, instant: datetime, at: datetime) -> Decimal | None:
        """The level of an instant as it reads at a later one; None before the first one."""
        level_usd = self._world.tvl.level_usd(chain_id, instant)
        if level_usd is None or at.date() < FLAGGED_ON or chain_id not in {FLAGGED, ALL_CHAINS}:
            return level_usd
        ratio = next((point.value for point in reversed(self._flagged) if point.on <= instant.date()), Decimal(0))
        flagged_usd = (self._world.tvl.level_usd(FLAGGED, instant) or Decimal(0)) * ratio
        return level_usd - flagged_usd.quantize(CENT)

    def _chains(self, at: datetime) -> list[dict[str, Any]]:
        """The chains that have begun, with the levels of the hour."""
        levels_usd = {chain_id: self.shown_usd(chain_id, full_hour(at), at) for chain_id in LISTINGS}
        return [
            {
                "gecko_id": listing.gecko_id,
                "tvl": levels_usd[chain_id],
                "tokenSymbol": listing.symbol,
                "cmcId": None,
                "name": _name(chain_id, at),
                "chainId": listing.evm_id,
            }
            for chain_id, listing in LISTINGS.items()
            if levels_usd[chain_id] is not None
        ]

    def _history(self, chain_id: str, at: datetime) -> list[dict[str, Any]]:
        first_on = min(self._world.tvl.first_on(chain_id) or at.date(), at.date())
        closed = [midnight(first_on + timedelta(days=n)) for n in range((at.date() - first_on).days)]
        points = [{"date": seconds(day), "tvl": self.shown_usd(chain_id, day, at)} for day in closed]
        now_usd = self.shown_usd(chain_id, full_hour(at), at)
        return [*points, {"date": seconds(midnight(at.date())), "tvl": now_usd or 0}]


def _name(chain_id: str, at: datetime) -> str:
    earlier, until = RENAMED.get(chain_id, ("", date.min))
    return earlier if at.date() < until else LISTINGS[chain_id].name
