"""api.llama.fi in the simulated world, fees of chains: US dollars a day as JSON, as bytes.

Belongs here: which chains have fees, and how they differ from those of the explorers: a few per cent, as prices of
another moment are taken, and for some days of Rootstock by far, as they were counted before the day was over.
Not here: what is true (`activity`), TVL (`llama_tvl`), and reading such a chart (`pipelines.feeds.defillama_fees`).
Layout: the published OpenAPI (`/overview/fees/{chain}`).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from urllib.parse import unquote

from pipelines.registry import Registry
from pipelines.sample.activity import Activity
from pipelines.sample.exchange import Asked, Page, as_json, text, whole
from pipelines.sample.llama_tvl import LlamaTvl
from pipelines.sample.paths import DAY
from pipelines.sample.times import midnight, seconds
from pipelines.sample.world import World, draw

FEES = "GET api.llama.fi/overview/fees/"
WITH_FEES = {"bitlayer": "Bitlayer", "bob": "BOB", "merlin": "Merlin", "rootstock": "Rootstock", "stacks": "Stacks"}
"""The chains whose fees are counted, and the name of the one protocol that they are counted for."""
FLAGS = ("excludeTotalDataChart", "excludeTotalDataChartBreakdown")
SHORT_CHAIN, SHORT_DAYS = "rootstock", 3
"""From the day of the anchor `llama_fees.short_count` on, so many days of this chain have only that share of fees."""
PRICED_AT = tuple(timedelta(hours=hour) for hour in (3, 9, 15, 21))


class LlamaFees:
    """The service's fees; `chains` knows the names that it gives to chains."""

    def __init__(self, world: World, registry: Registry, activity: Activity, chains: LlamaTvl) -> None:
        self._world = world
        self._activity = activity
        self._chain_ids = chains.chain_ids
        self._coins = {chain_id: chain.gas_asset_id for chain_id, chain in registry.chains.items()}
        self._short = world.anchors.only("llama_fees.short_count")
        self._spread = world.anchors.only("llama_fees.spread").value
        self._usd = cache(self._of_day)

    def answer(self, asked: Asked) -> Page | None:
        if not asked.line.startswith(FEES):
            return None
        chain_id = self._chain_ids.get(unquote(asked.line.removeprefix(FEES)))
        if not chain_id:
            return text("Chain not found", 404)
        if any(asked.query.get(flag) not in {"true", "false"} for flag in FLAGS):
            return as_json({"message": f"{' and '.join(FLAGS)} are required"}, 400)
        chart = self._chart(chain_id, asked.at) if chain_id in WITH_FEES else []
        name = WITH_FEES.get(chain_id)
        protocols = [{"name": name, "total24h": chart[-1][1], "change_1d": 0, "chains": [name]}] if chart else []
        is_left_out, is_one_sum = (asked.query[flag] == "true" for flag in FLAGS)
        return as_json(
            {
                "protocols": protocols,
                "totalDataChart": [] if is_left_out else chart,
                "totalDataChartBreakdown": [] if is_one_sum else [[at, {name: usd}] for at, usd in chart],
            }
        )

    def _chart(self, chain_id: str, at: datetime) -> list[list[int]]:
        """Every day that is over."""
        days = (day for day in self._activity.days(chain_id) if day < at.date())
        return [[seconds(midnight(day)), whole(self._usd(chain_id, day))] for day in days]

    def _of_day(self, chain_id: str, day: date) -> Decimal:
        """The day's fees at the mean price of some of its hours, less what was left out."""
        prices = [self._world.assets.price_usd(self._coins[chain_id], midnight(day) + hours) for hours in PRICED_AT]
        fees_usd = self._activity.day(chain_id, day).fees * sum(prices) / len(prices)
        is_short = chain_id == SHORT_CHAIN and timedelta(0) <= day - self._short.on < SHORT_DAYS * DAY
        return fees_usd * (1 + self._spread * draw("fees", chain_id, day)) * (self._short.value if is_short else 1)
