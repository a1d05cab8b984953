"""What DeFi protocols hold on the chains of the simulated world, in US dollars.

Belongs here: the level of each chain at an instant, and of all chains together.
Not here: how DefiLlama dates, names and restates it (`llama_tvl`), and what bridges keep (`vaults`).
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from pipelines.sample.anchors import Anchors
from pipelines.sample.paths import DailyPath

ALL_CHAINS = "all_chains"
STEADIER = frozenset({ALL_CHAINS, "ethereum"})
"""Levels of thousands of protocols move less from day to day than those of a few."""
CENT = Decimal("0.01")


class ChainTvl:
    """Levels of the chains that `anchors.csv` knows; before its first point a chain has none.

    Chains of the seeds have points of their own, other chains hold a constant share of the total.
    """

    def __init__(self, anchors: Anchors, chain_ids: Iterable[str], seed: str) -> None:
        self._anchors = anchors
        self._paths: dict[str, DailyPath] = {}
        for chain_id in chain_ids:
            if points := anchors.points(f"{chain_id}.tvl"):
                volatility = anchors.number(f"tvl.{'large' if chain_id in STEADIER else 'small'}_volatility")
                self._paths[chain_id] = DailyPath(points, volatility, 2, random.Random(f"{seed}/tvl/{chain_id}"))

    def first_on(self, chain_id: str) -> date | None:
        """The day at whose 00:00 a chain has its first level; None where it never has one."""
        path = self._paths.get(chain_id, self._paths[ALL_CHAINS] if self._share(chain_id) else None)
        return path.first_at.date() if path else None

    def level_usd(self, chain_id: str, instant: datetime) -> Decimal | None:
        """TVL at an instant, None before a chain's first level. Raises `ValueError` after the world's end."""
        if path := self._paths.get(chain_id):
            return path.at(instant)
        share, total_usd = self._share(chain_id), self._paths[ALL_CHAINS].at(instant)
        return (total_usd * share).quantize(CENT) if share and total_usd else None

    def _share(self, chain_id: str) -> Decimal | None:
        return next((point.value for point in self._anchors.points(f"{chain_id}.tvl_share")), None)
