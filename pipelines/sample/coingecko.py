"""api.coingecko.com in the simulated world: prices, market caps and volumes of a coin as JSON, as bytes.

Belongs here: the layout, and what a demo key may see. The answer counts in milliseconds; long ranges have a point
at each 00:00 UTC, shorter ones a point some seconds after each hour, and the last one is the moment of asking.
Not here: what is true (`assets`), and reading such an answer (`pipelines.feeds.coingecko`).
Layout: the vendor's OpenAPI; the errors are assumed.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import unquote

from pipelines.registry import Registry
from pipelines.sample.exchange import Asked, Page, as_json
from pipelines.sample.paths import DAY
from pipelines.sample.prices import HOUR
from pipelines.sample.times import instant_of, seconds
from pipelines.sample.world import World, draw

RANGE = re.compile(r"GET api\.coingecko\.com/api/v3/coins/([^/]+)/market_chart/range")
KEY_HEADER = "x-cg-demo-api-key"
REACH = timedelta(days=365)
DAILY_BEYOND, HOURLY_BEYOND = timedelta(days=90), timedelta(days=1)
FIVE_MINUTES = timedelta(minutes=5)
NO_KEY, TOO_FAR_BACK = 10002, 10012


class CoinGecko:
    """The service: any key opens it; its coins are those that the seeds name for CoinGecko."""

    def __init__(self, world: World, registry: Registry) -> None:
        self._world = world
        self._coins = registry.asset_aliases("coingecko")
        self._turnover = world.anchors.only("coingecko.turnover").value

    def answer(self, asked: Asked) -> Page | None:
        found = RANGE.fullmatch(asked.line)
        if not found:
            return None
        if not asked.headers.get(KEY_HEADER):
            return _refused(asked.at, NO_KEY, "A key is missing.")
        coin = unquote(found[1])
        first, last = instant_of(asked.query.get("from", "")), instant_of(asked.query.get("to", ""))
        asset_id = self._coins.get(coin)
        if asset_id not in self._world.assets.asset_ids:
            return as_json({"error": "coin not found"}, 404)
        if asked.query.get("vs_currency") != "usd" or first is None or last is None:
            return as_json({"error": "invalid vs_currency, from or to"}, 400)
        if first < asked.at - REACH:
            return _refused(asked.at, TOO_FAR_BACK, "A demo key sees the past 365 days.")
        first = max(first, self._world.price.first_at)
        return as_json(self._series(asset_id, _stamps(first, last, asked.at)))

    def _series(self, asset_id: str, instants: list[datetime]) -> dict[str, list[tuple[int, Decimal]]]:
        series: dict[str, list[tuple[int, Decimal]]] = {"prices": [], "market_caps": [], "total_volumes": []}
        for instant in instants:
            price_usd = self._world.assets.price_usd(asset_id, instant)
            cap_usd = price_usd * self._world.assets.supply(asset_id, instant)
            busy = 1 + draw("volume", asset_id, instant.date()) / 2
            for name, value in zip(series, (price_usd, cap_usd, cap_usd * self._turnover * busy), strict=True):
                series[name].append((seconds(instant) * 1000, value))
        return series


def _stamps(first: datetime, last: datetime, at: datetime) -> list[datetime]:
    """The instants of the points of a range; the present is the last one where the range reaches it."""
    step = DAY if last - first > DAILY_BEYOND else HOUR if last - first > HOURLY_BEYOND else FIVE_MINUTES
    start = first.replace(hour=0, minute=0, second=0)
    late_sec = 0 if step == DAY else round(30 * (1 + draw("late", start, step)))
    steps = range((min(last, at) - start) // step + 1)
    instants = (start + n * step + timedelta(seconds=late_sec) for n in steps)
    return [*(i for i in instants if first <= i <= min(last, at)), *([at] if last >= at else [])]


def _refused(at: datetime, code: int, message: str) -> Page:
    status = {"timestamp": f"{at:%Y-%m-%dT%H:%M:%S}.000+00:00", "error_code": code, "error_message": message}
    return as_json({"error": {"status": status}}, 401)
