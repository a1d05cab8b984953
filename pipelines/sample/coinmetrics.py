"""community-api.coinmetrics.io in the simulated world: daily metrics of assets as JSON, as bytes.

Belongs here: the layout, the pages, and which metrics the community may see. A day is its close and stands under
its own date; its first values are `flash` and later `reviewed`. The supply counts a little less than the subsidy
rule allows: coins that no miner claimed.
Not here: what is true (`assets`, `blocks`), and reading such an answer (`pipelines.feeds.coinmetrics`).
Layout: the vendor's OpenAPI; which metrics have a status is assumed.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from urllib.parse import urlencode

from pipelines.registry import Registry
from pipelines.sample.exchange import Asked, Page, as_json
from pipelines.sample.paths import DAY
from pipelines.sample.times import midnight
from pipelines.sample.tvl import CENT
from pipelines.sample.world import LAST_DAY, World, draw

METRICS = ("PriceUSD", "CapMrktCurUSD", "SplyCur")
"""What the community may see here; every other metric is refused."""
REVIEWED = ("CapMrktCurUSD", "SplyCur")
"""Metrics that say how settled they are."""
PATH = "community-api.coinmetrics.io/v4/timeseries/asset-metrics"
FIRST_DAY = date(2023, 12, 1)
MOST_ROWS = 10_000
PRICE_UNIT = Decimal(1).scaleb(-8)

Row = dict[str, str]


class Refusal(Exception):
    """A question that is answered with an error: its status, kind and what it says."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.page = as_json({"error": {"type": kind, "message": message}}, status)


class CoinMetrics:
    """The service. A page has the rows of its assets one after the other, each by time."""

    def __init__(self, world: World, registry: Registry) -> None:
        self._world = world
        self._aliases = registry.asset_aliases("coinmetrics")
        anchors = world.anchors
        self._short_btc = anchors.only("coinmetrics.supply_short").value
        self._spread = anchors.only("coinmetrics.price_spread").value
        self._flash_after = timedelta(hours=anchors.number("coinmetrics.flash_after"))
        self._reviewed_after = timedelta(hours=anchors.number("coinmetrics.reviewed_after"))

    def answer(self, asked: Asked) -> Page | None:
        if asked.line != f"GET {PATH}":
            return None
        try:
            return self._page(asked)
        except Refusal as refusal:
            return refusal.page

    def _page(self, asked: Asked) -> Page:
        """One page of the rows asked for. The service's own defaults are 100 rows, from the end."""
        query = asked.query
        metrics = self._metrics(query)
        first, last = _day(query, "start_time", FIRST_DAY), _day(query, "end_time", asked.at.date())
        if query.get("frequency", "1d") != "1d":
            raise _bad(query, "frequency")
        days = [
            day for day in self._closes if first <= day <= last and midnight(day) + DAY + self._flash_after <= asked.at
        ]
        rows = [(asset, day) for asset in sorted(self._named(query)) for day in days]
        size, given = _count(query, "page_size", 100), _given(query)
        if query.get("paging_from", "end") == "start":
            chosen = rows[given : given + size]
        else:
            chosen = rows[max(len(rows) - given - size, 0) : len(rows) - given]
        page: dict[str, object] = {"data": [self._row(asset, day, metrics, asked.at) for asset, day in chosen]}
        if given + size < len(rows):
            token = "0." + base64.urlsafe_b64encode(str(given + size).encode()).decode().rstrip("=")
            page |= {
                "next_page_token": token,
                "next_page_url": f"https://{PATH}?{urlencode({**query, 'next_page_token': token})}",
            }
        return as_json(page)

    def _named(self, query: Mapping[str, str]) -> list[str]:
        assets = query.get("assets", "").split(",")
        unknown = [name for name in assets if name not in self._assets]
        if unknown and query.get("ignore_unsupported_errors") != "true":
            raise Refusal(400, "bad_parameter", f"Bad parameter 'assets'. Value '{unknown[0]}' is not supported.")
        return [name for name in assets if name in self._assets]

    def _metrics(self, query: Mapping[str, str]) -> list[str]:
        metrics = query.get("metrics", "").split(",")
        refused = [name for name in metrics if name not in METRICS]
        if refused and query.get("ignore_forbidden_errors") != "true":
            said = f"Requested metric '{refused[0]}' with frequency '1d' for asset '{query.get('assets', '')}'"
            raise Refusal(403, "forbidden", f"{said} is not available with supplied credentials.")
        return [name for name in metrics if name in METRICS]

    @cached_property
    def _assets(self) -> dict[str, str]:
        known = self._world.assets.asset_ids
        return {name: asset_id for name, asset_id in self._aliases.items() if asset_id in known}

    @cached_property
    def _closes(self) -> dict[date, dict[str, Row]]:
        """Day -> asset -> the values of its close, made once."""
        days = (LAST_DAY - FIRST_DAY).days + 1
        return {
            day: {name: self._values(asset_id, day) for name, asset_id in self._assets.items()}
            for day in (FIRST_DAY + timedelta(days=n) for n in range(days))
        }

    def _values(self, asset_id: str, day: date) -> Row:
        """The price is near the world's, the market cap is price times supply to the cent."""
        close_at = midnight(day) + DAY
        price_usd = self._world.assets.price_usd(asset_id, close_at) * (1 + self._spread * draw("close", asset_id, day))
        price_usd = price_usd.quantize(PRICE_UNIT)
        supply = self._world.assets.supply(asset_id, close_at) - (self._short_btc if asset_id == "btc" else 0)
        cap_usd = (price_usd * supply).quantize(CENT)
        return {"PriceUSD": str(price_usd), "CapMrktCurUSD": str(cap_usd), "SplyCur": str(supply)}

    def _row(self, name: str, day: date, metrics: list[str], at: datetime) -> Row:
        values = self._closes[day][name]
        row = {"asset": name, "time": f"{day}T00:00:00.000000000Z"}
        is_reviewed = midnight(day) + DAY + self._reviewed_after <= at
        stated_at = midnight(day) + DAY + (self._reviewed_after if is_reviewed else self._flash_after)
        for metric in sorted(metrics):
            row[metric] = values[metric]
            if metric in REVIEWED:
                row[f"{metric}-status"] = "reviewed" if is_reviewed else "flash"
                row[f"{metric}-status-time"] = f"{stated_at:%Y-%m-%dT%H:%M:%S}.000000000Z"
        return row


def _bad(query: Mapping[str, str], name: str) -> Refusal:
    return Refusal(400, "bad_parameter", f"Bad parameter '{name}'. Value '{query.get(name, '')}' is not supported.")


def _day(query: Mapping[str, str], name: str, default: date) -> date:
    """The day of a time as it may be given: its first ten characters. Raises `Refusal`."""
    try:
        return date.fromisoformat(query[name][:10]) if name in query else default
    except ValueError:
        raise _bad(query, name) from None


def _count(query: Mapping[str, str], name: str, default: int) -> int:
    count = query.get(name, str(default))
    if not count.isdecimal() or not 1 <= int(count) <= MOST_ROWS:
        raise _bad(query, name)
    return int(count)


def _given(query: Mapping[str, str]) -> int:
    """How many rows the pages before this one had. Raises `Refusal`."""
    token = query.get("next_page_token", "")
    if not token:
        return 0
    code = token.removeprefix("0.")
    try:
        return int(base64.urlsafe_b64decode(code + "=" * (-len(code) % 4)))
    except ValueError:
        raise _bad(query, "next_page_token") from None
