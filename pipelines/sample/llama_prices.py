"""coins.llama.fi in the simulated world: series of prices as JSON, as bytes.

Belongs here: which record is found for a slot. Records are a few minutes off the full hour; a slot that is still to
come has none, and a coin without records is absent from the answer.
Not here: what is true (`assets`), and reading such an answer (`pipelines.feeds.defillama_prices`).
Layout: the published OpenAPI; how many points a request may take is assumed.
"""

from __future__ import annotations

import random
import re
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from pipelines.registry import Registry
from pipelines.sample.exchange import Asked, Page, as_json
from pipelines.sample.prices import HOUR
from pipelines.sample.times import instant_of, seconds
from pipelines.sample.world import SEED, World

CHART = "GET coins.llama.fi/chart/"
CONFIDENCE = 0.99
PERIOD = re.compile(r"(\d+)([wdhm])", re.IGNORECASE)
UNITS = {"w": timedelta(weeks=1), "d": timedelta(days=1), "h": HOUR, "m": timedelta(minutes=1)}
MOST_POINTS = 500
MOST_MINUTES_OFF = 4


class LlamaPrices:
    """The service; its coins are those that the seeds name for DefiLlama."""

    def __init__(self, world: World, registry: Registry) -> None:
        self._world = world
        self._coins = registry.asset_aliases("defillama")
        self._symbols = {asset_id: asset.symbol for asset_id, asset in registry.assets.items()}

    def answer(self, asked: Asked) -> Page | None:
        """Without a span there are no points: 0 is the service's own default."""
        if not asked.line.startswith(CHART):
            return None
        period = PERIOD.fullmatch(asked.query.get("period", "24h"))
        start, span = instant_of(asked.query.get("start", "")), asked.query.get("span", "0")
        if not (period and start and span.isdecimal() and int(span) <= MOST_POINTS):
            return as_json({"message": "Internal error"}, 502)
        step = int(period[1]) * UNITS[period[2].lower()]
        slots = [start + n * step for n in range(int(span))]
        names = unquote(asked.line.removeprefix(CHART)).split(",")
        assets = {
            name: asset_id for name in names if (asset_id := self._coins.get(name)) in self._world.assets.asset_ids
        }
        series = {name: self._series(asset_id, slots, asked.at) for name, asset_id in assets.items()}
        return as_json({"coins": {name: coin for name, coin in series.items() if coin["prices"]}})

    def _series(self, asset_id: str, slots: list[datetime], at: datetime) -> dict[str, Any]:
        prices = []
        for slot in slots:
            found_at = self._record_at(asset_id, slot)
            if found_at is not None and found_at <= at:
                price_usd = self._world.assets.price_usd(asset_id, found_at)
                prices.append({"timestamp": seconds(found_at), "price": price_usd})
        return {"symbol": self._symbols[asset_id], "confidence": CONFIDENCE, "prices": prices}

    def _record_at(self, asset_id: str, slot: datetime) -> datetime | None:
        """The record of the full hour nearest to a slot, None outside the world."""
        hour = (slot - self._world.price.first_at + HOUR / 2) // HOUR
        offsets_sec = self._offsets_sec[asset_id]
        if not 0 < hour < len(offsets_sec):
            return None
        return self._world.price.first_at + hour * HOUR + timedelta(seconds=offsets_sec[hour])

    @cached_property
    def _offsets_sec(self) -> dict[str, list[int]]:
        """How far each record of an asset lies from its full hour."""
        hours, most_sec = (self._world.price.last_at - self._world.price.first_at) // HOUR, MOST_MINUTES_OFF * 60
        offsets_sec = {}
        for asset_id in self._coins.values():
            dice = random.Random(f"{SEED}/records/{asset_id}")
            offsets_sec[asset_id] = [dice.randint(-most_sec, most_sec) for _ in range(hours)]
        return offsets_sec
