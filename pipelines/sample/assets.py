"""Coins of the simulated world beside the funds' bitcoin: their prices and how many of them there are.

Belongs here: the price of an asset at any instant, and its supply. Bitcoin's price is the one at which the funds
strike, its supply is what the blocks issued.
Not here: how an upstream prints them.
"""

from __future__ import annotations

import random
from datetime import datetime
from decimal import Decimal

from pipelines.sample.anchors import Anchors
from pipelines.sample.blocks import Blocks
from pipelines.sample.paths import DailyPath
from pipelines.sample.prices import PricePath

PLACES = {"eth": 2, "stx": 6, "tia": 6, "core": 6}
"""Assets with a price path of their own, and the decimals of their prices."""
CENT = Decimal("0.01")
STEADY = 0.0
"""Coins are added by rule: a supply has no noise."""


class Assets:
    """Prices in US dollars per whole coin; supplies in whole coins."""

    def __init__(self, anchors: Anchors, btc: PricePath, blocks: Blocks, seed: str) -> None:
        self._blocks = blocks
        self._prices = {"btc": btc}
        for asset_id, places in PLACES.items():
            self._prices[asset_id] = PricePath(anchors, asset_id, f"{seed}/{asset_id}", places)
        self._premium = 1 + anchors.only("rbtc.premium").value
        self._supply = {
            asset_id: DailyPath(anchors.points(f"{asset_id}.supply"), STEADY, 8, random.Random(seed))
            for asset_id in (*PLACES, "rbtc")
        }

    @property
    def asset_ids(self) -> frozenset[str]:
        """The assets that have a price and a supply."""
        return frozenset({"btc", *self._supply})

    def price_usd(self, asset_id: str, instant: datetime) -> Decimal:
        """The price at an instant; bitcoin on Rootstock follows bitcoin."""
        if asset_id == "rbtc":
            return (self._prices["btc"].between(instant) * self._premium).quantize(CENT)
        return self._prices[asset_id].between(instant)

    def supply(self, asset_id: str, instant: datetime) -> Decimal:
        """Coins at an instant. Raises `ValueError` outside the simulated world."""
        if asset_id == "btc":
            return self._blocks.issued_btc(self._blocks.newest(instant))
        supply = self._supply[asset_id].at(instant)
        if supply is None:
            raise ValueError(f"{instant} is outside the simulated world")
        return supply
