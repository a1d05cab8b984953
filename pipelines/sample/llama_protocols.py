"""api.llama.fi in the simulated world, protocols: the list of all, and the history of vaults and liquid staking.

Belongs here: names, dates and sections. The list names chains by old labels (`RSK`); a history ends with a point of
the hour, dated at it; a protocol that has nothing yet shows the moment alone, and 0.
Not here: what is true (`tvl`, `vaults`), chains (`llama_tvl`), and reading such answers.
Layout: the published OpenAPI, `slug`, `parentProtocol` and `tokensInUsd` beside it as clients know them. Which
protocol has which part of a chain (`protocols.csv`) is assumed.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pipelines.registry import Registry
from pipelines.sample.exchange import Asked, Page, as_json, text
from pipelines.sample.llama_tvl import LlamaTvl
from pipelines.sample.paths import DAY
from pipelines.sample.times import full_hour, midnight, seconds
from pipelines.sample.tvl import CENT
from pipelines.sample.vaults import PLACES
from pipelines.sample.world import World

PROTOCOLS_FILE = Path(__file__).with_name("protocols.csv")
PROTOCOLS = "GET api.llama.fi/protocols"
PROTOCOL = "GET api.llama.fi/protocol/"
STAKING = "-staking"
"""Behind a chain's label: what lies there of the protocol's own token, in no TVL."""
FIRST_ID = 4000
CHANGES = {"change_1h": timedelta(hours=1), "change_1d": DAY, "change_7d": 7 * DAY}


@dataclass(frozen=True)
class Listed:
    """One protocol: label of a chain -> its part of the chain's TVL; none where its tokens are known."""

    slug: str
    name: str
    symbol: str
    category: str
    parent: str
    shares: dict[str, Decimal]


class LlamaProtocols:
    """The protocols' part of the service."""

    def __init__(self, world: World, registry: Registry, chains: LlamaTvl) -> None:
        self._world = world
        self._chains = chains
        self._kept = {p.slug: name for name, p in registry.protocols.items() if p.slug and name in PLACES}

    def answer(self, asked: Asked) -> Page | None:
        if asked.line == PROTOCOLS:
            return as_json(self._list(asked.at))
        if not asked.line.startswith(PROTOCOL):
            return None
        slug = unquote(asked.line.removeprefix(PROTOCOL))
        return as_json(self._protocol(slug, asked.at)) if slug in self._kept else text("Protocol not found", 404)

    @cached_property
    def _listed(self) -> dict[str, Listed]:
        listed: dict[str, Listed] = {}
        with PROTOCOLS_FILE.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                shares = {row.pop("chain"): row.pop("share")}
                protocol = listed.setdefault(row["slug"], Listed(**row, shares={}))
                protocol.shares.update({chain: Decimal(share) for chain, share in shares.items() if share})
        return listed

    # --- the list ---

    def _list(self, at: datetime) -> list[dict[str, Any]]:
        """The protocols that hold something at the hour."""
        items = [self._item(FIRST_ID + n, protocol, at) for n, protocol in enumerate(self._listed.values())]
        return sorted((item for item in items if item["chains"]), key=lambda item: -item["tvl"])

    def _item(self, number: int, protocol: Listed, at: datetime) -> dict[str, Any]:
        levels_usd = self._levels_usd(protocol, full_hour(at), at)
        chains = [label for label in levels_usd if not label.endswith(STAKING)]
        tvl_usd = sum((levels_usd[label] for label in chains), Decimal(0))
        item = {
            "id": str(number),
            "name": protocol.name,
            "symbol": protocol.symbol,
            "category": protocol.category,
            "chains": chains,
            "slug": protocol.slug,
            "tvl": tvl_usd,
            "chainTvls": levels_usd,
            **{name: self._change_pct(protocol, tvl_usd, at, ago) for name, ago in CHANGES.items()},
        }
        return item | ({"parentProtocol": f"parent#{protocol.parent}"} if protocol.parent else {})

    def _levels_usd(self, protocol: Listed, instant: datetime, at: datetime) -> dict[str, Decimal]:
        """Label of a chain -> what the protocol holds there; only where it holds something."""
        if protocol.slug in self._kept:
            name = self._kept[protocol.slug]
            levels = {chain: sum(self._values_usd(name, chain, instant).values(), Decimal(0)) for chain in PLACES[name]}
            return {chain: level for chain, level in levels.items() if level}
        levels_usd = {}
        for label, share in protocol.shares.items():
            chain_id = self._chains.chain_ids[label.removesuffix(STAKING)]
            if chain_usd := self._chains.shown_usd(chain_id, instant, at):
                levels_usd[label] = (chain_usd * share).quantize(CENT)
        return levels_usd

    def _change_pct(self, protocol: Listed, tvl_usd: Decimal, at: datetime, ago: timedelta) -> float | None:
        then = self._levels_usd(protocol, full_hour(at) - ago, at)
        then_usd = sum((level for label, level in then.items() if not label.endswith(STAKING)), Decimal(0))
        return round(100 * float(tvl_usd / then_usd - 1), 4) if then_usd else None

    # --- one protocol ---

    def _protocol(self, slug: str, at: datetime) -> dict[str, Any]:
        """The protocol with the series of each chain where its tokens lie, and those of all of them."""
        listed, name = self._listed[slug], self._kept[slug]
        stamps = self._stamps(name, at)
        by_chain = {chain: self._series(name, [chain], stamps) for chain in PLACES[name]}
        return {
            "id": str(FIRST_ID + list(self._listed).index(slug)),
            "name": listed.name,
            "symbol": listed.symbol,
            "category": listed.category,
            "chains": list(by_chain),
            "currentChainTvls": {chain: series["tvl"][-1]["totalLiquidityUSD"] for chain, series in by_chain.items()},
            "chainTvls": by_chain,
            **self._series(name, list(by_chain), stamps),
        }

    def _stamps(self, protocol_id: str, at: datetime) -> list[datetime]:
        """Each 00:00 since the protocol's first, and in place of today's the last full hour."""
        first_at = self._world.vaults.first_at(protocol_id)
        days = (midnight(at.date()) - first_at).days
        return [*(first_at + n * DAY for n in range(days)), full_hour(at)]

    def _series(self, protocol_id: str, chains: list[str], stamps: list[datetime]) -> dict[str, list[dict[str, Any]]]:
        series: dict[str, list[dict[str, Any]]] = {"tvl": [], "tokensInUsd": [], "tokens": []}
        for stamp in stamps:
            held: dict[str, Decimal] = {}
            values_usd: dict[str, Decimal] = {}
            for chain in chains:
                for token, value_usd in self._values_usd(protocol_id, chain, stamp).items():
                    held[token] = self._world.vaults.held(protocol_id, token, stamp) or Decimal(0)
                    values_usd[token] = value_usd
            date = seconds(stamp)
            series["tvl"].append({"date": date, "totalLiquidityUSD": sum(values_usd.values(), Decimal(0))})
            series["tokensInUsd"].append({"date": date, "tokens": values_usd})
            series["tokens"].append({"date": date, "tokens": held})
        return series

    def _values_usd(self, protocol_id: str, chain: str, instant: datetime) -> dict[str, Decimal]:
        """Token -> what is held of it on a chain, US dollars; tokens that are not there yet are left out."""
        values = {
            token: self._world.vaults.value_usd(protocol_id, token, instant) for token in PLACES[protocol_id][chain]
        }
        return {token: value for token, value in values.items() if value is not None}
