"""CoinGecko API: price, market cap and volume of an asset at 00:00 UTC, at most a year back.

Belongs here: what to ask CoinGecko and how to read its answer. It is asked in seconds and answers in milliseconds;
its point at D+1 00:00 is the level of day D, its last one is the moment of asking.
Not here: HTTP, files, DuckDB, Dagster; the key is the transport's.
Source: https://docs.coingecko.com (coins/{id}/market_chart/range)
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

import polars as pl

from pipelines.feeds.amounts import amount, printed
from pipelines.feeds.base import Feed
from pipelines.feeds.points import asked_at, instant, nearest, refuse_other_times, refuse_without
from pipelines.registry import Source
from pipelines.tables.market import DAY_SEC, PRICE, AssetMarket
from pipelines.wire import Answer, BodyRefused, Outcome, Request, Requests, Window

HOST = "api.coingecko.com"
PATH = re.compile(r"/api/v3/coins/([^/]+)/market_chart/range/?")
SERIES = {"prices": "price_usd", "market_caps": "market_cap_usd", "total_volumes": "volume_24h_usd"}
POINT = {"stamp": pl.String, "text": pl.String, "locator": pl.String}
MOST_DAYS = 364
"""A demo key reaches 365 days back from the moment of asking, which is up to a day after the last closed one."""
NEAR_MIDNIGHT = timedelta(minutes=5)
"""Hourly points, which short ranges are answered with, come some seconds to minutes after the hour."""
BEHIND = timedelta(hours=2)
"""Asked beyond the last midnight, so that its point is not the last one."""


class CoinGeckoAssetMarket(Feed):
    """Daily levels of the assets that the seeds name, one request for each; off without a key."""

    source = "coingecko"
    entity = "asset_market"
    subject = "market"
    delivers = AssetMarket
    media = frozenset({"json"})

    @property
    def manners(self) -> Source:
        return replace(super().manners, settle_lag_hours=2, revision_window_days=7)

    @property
    def known_urls(self) -> list[str]:
        return [_url(coin) for coin in self.registry.asset_aliases(self.source)]

    def owns(self, url: SplitResult) -> bool:
        return url.hostname == HOST and PATH.fullmatch(url.path) is not None

    def requests(self, window: Window) -> Requests:
        """The days of the window that a demo key may see."""
        last = datetime.combine(window.last, time(), UTC) + timedelta(days=1)
        first = datetime.combine(window.first, time(), UTC) + timedelta(days=1)
        first = max(first, last - timedelta(days=MOST_DAYS - 1))
        params = {
            "vs_currency": "usd",
            "from": f"{(first - NEAR_MIDNIGHT).timestamp():.0f}",
            "to": f"{(last + BEHIND).timestamp():.0f}",
            "precision": "full",
        }
        yield [Request.get(url, params) for url in self.known_urls]

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `AssetMarket`: the points at 00:00 UTC. Raises `BodyRefused`."""
        document = answer.json()
        series = {name: _read(refuse_without(name, list, document), name) for name in SERIES}
        prices = series["prices"]
        if not prices.height:
            raise BodyRefused(Outcome.EMPTY_BODY, "no price in the answer")
        refuse_other_times(prices["at"], asked_at(request.params, "from"), asked_at(request.params, "to"))
        levels = {name: _at_midnight(points, SERIES[name]) for name, points in series.items()}
        faults = [_faults(points, name) for name, points in series.items()]
        rows = levels["prices"]
        for name in ("market_caps", "total_volumes"):
            rows = rows.join(levels[name], on="observed_at", how="left", suffix=f"_{name}", maintain_order="left_right")
        asset_id, coin = self._asset(request)
        cap = pl.col("market_cap_usd")
        values = rows.select(
            "observed_at",
            "price_usd",
            "volume_24h_usd",
            date_day=pl.col("observed_at").dt.offset_by("-1d").dt.date(),
            market_cap_usd=pl.when(cap != 0).then(cap),
            locator=pl.concat_str("^locator.*$", separator=" ", ignore_nulls=True),
        )
        named = {"asset_id": pl.lit(asset_id, pl.String), "source_name": pl.lit(coin, pl.String)}
        return pl.concat([values, *faults], how="diagonal").with_columns(**named)

    def _asset(self, request: Request) -> tuple[str | None, str]:
        """The asset that the address asks for, None where the seeds do not know it, and its name there."""
        found = PATH.fullmatch(urlsplit(request.url).path)
        coin = unquote(found[1]) if found else request.url
        return self.registry.asset_aliases(self.source).get(coin), coin


def _url(coin: str) -> str:
    return f"https://{HOST}/api/v3/coins/{quote(coin, safe='')}/market_chart/range"


def _read(points: list[Any], name: str) -> pl.DataFrame:
    """The points of one series with their instants and values, null where they have none."""
    pairs = [point if isinstance(point, list) and len(point) == 2 else (None, None) for point in points]
    rows = [(printed(at), printed(value), f"/{name}/{n}") for n, (at, value) in enumerate(pairs)]
    frame = pl.DataFrame(rows, schema=POINT, orient="row")
    return frame.with_columns(at=instant("stamp", "ms"), value=amount("text", PRICE), series=pl.lit(name))


def _at_midnight(points: pl.DataFrame, column: str) -> pl.DataFrame:
    """The values at 00:00. The last point of a series is the moment of asking unless it is at 00:00 to the second."""
    is_last = pl.col("at") == pl.col("at").max()
    is_sharp = pl.col("at").dt.truncate("1d") == pl.col("at").dt.truncate("1s")
    read = points.filter(~is_last | is_sharp, pl.col("value").is_not_null())
    levels = nearest(read, "series", "at", DAY_SEC, NEAR_MIDNIGHT)
    return levels.select("locator", pl.col("value").alias(column), observed_at="slot_at")


def _faults(points: pl.DataFrame, name: str) -> pl.DataFrame:
    """One fault for each point that cannot be read; a market cap or a volume may be null."""
    is_unread = pl.col("text").is_not_null() | pl.lit(name == "prices")
    no_time = pl.format("{} is no time in milliseconds", pl.col("stamp").fill_null("null"))
    no_number = pl.format("'{}' is no number", pl.col("text").fill_null("null"))
    fault = pl.when(pl.col("at").is_null()).then(no_time).when(pl.col("value").is_null() & is_unread).then(no_number)
    raw = pl.concat_str("stamp", "text", separator=" | ", ignore_nulls=True)
    return points.select("locator", raw=raw, fault=fault).filter(pl.col("fault").is_not_null())
