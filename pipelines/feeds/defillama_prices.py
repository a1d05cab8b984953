"""DefiLlama coins API: prices of assets at full hours and at the ends of days.

Belongs here: what to ask `coins.llama.fi/chart` and how to read its answer. Its defaults (24 hours, no points) are
never used: start, span and period are always said.
Not here: HTTP, files, DuckDB, Dagster; TVL of the same source.
Source: https://api-docs.defillama.com (coins, chart)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar
from urllib.parse import SplitResult, unquote

import polars as pl

from pipelines.feeds.amounts import amount, printed
from pipelines.feeds.base import Feed
from pipelines.feeds.points import asked_at, instant, nearest, refuse_other_times, refuse_without
from pipelines.registry import Source
from pipelines.tables.market import DAY_SEC, HOUR_SEC, LEAST_CONFIDENCE, PRICE, SLOT_TOLERANCE_SEC, AssetPrice
from pipelines.wire import Answer, BodyRefused, Outcome, Request, Requests, Window

HOST, PATH = "coins.llama.fi", "/chart/"
POINT = {"coin": pl.String, "stamp": pl.String, "price": pl.String, "confidence": pl.String, "locator": pl.String}


class DefiLlamaPrices(Feed):
    """Prices at the slots of each day, from its first 00:00 to its last 00:00, both included.

    The end of a day is the start of the next one and is asked with both, so that a day that is pulled alone has
    all instants that price it: every hour with the strikes of New York, its start and its close.
    """

    source = "defillama"
    subject = "market"
    delivers = AssetPrice
    media = frozenset({"json"})
    by_day = True

    slot_sec: ClassVar[int]
    period: ClassVar[str]
    days_per_request: ClassVar[int]
    revision_window_days: ClassVar[int]

    @property
    def coins(self) -> dict[str, str]:
        """The source's name of each asset that is asked for -> asset_id."""
        return self.registry.asset_aliases(self.source)

    @property
    def manners(self) -> Source:
        return replace(
            super().manners,
            settle_lag_hours=2,
            revision_window_days=self.revision_window_days,
            history_from=date(2023, 12, 31),
        )

    @property
    def known_urls(self) -> list[str]:
        return [f"{self._url}?start=<seconds>&span=<points>&period={self.period}"]

    @property
    def _url(self) -> str:
        return f"https://{HOST}{PATH}{','.join(self.coins)}"

    def owns(self, url: SplitResult) -> bool:
        return url.hostname == HOST and unquote(url.path) == PATH + ",".join(self.coins)

    def requests(self, window: Window) -> Requests:
        """All coins at once, a stretch of days each."""
        days, step = window.days(), self.days_per_request
        yield [self._request(days[n : n + step]) for n in range(0, len(days), step)]

    def _request(self, days: list[date]) -> Request:
        start = datetime.combine(days[0], time(), UTC)
        span = len(days) * DAY_SEC // self.slot_sec + 1
        params = {"start": f"{start.timestamp():.0f}", "span": str(span), "period": self.period}
        return Request.get(self._url, params)

    def days_of(self, request: Request) -> list[date]:
        first, last = self._stretch(request)
        if first is None or last is None or last <= first:
            return []
        return Window(first.date(), last.date() - timedelta(days=1)).days()

    def _stretch(self, request: Request) -> tuple[datetime | None, datetime | None]:
        """The first and the last slot asked for; None where the address does not say."""
        first, span = asked_at(request.params, "start"), dict(request.params).get("span", "")
        if first is None or not span.isdecimal() or not 0 < int(span) <= DAY_SEC:
            return first, None
        return first, first + timedelta(seconds=(int(span) - 1) * self.slot_sec)

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `AssetPrice`: the record nearest to each slot, where one is near enough.

        A coin that is absent has no rows. One whose confidence is too low is one fault, whatever the number of
        its prices, so that it cannot take the others with it. Raises `BodyRefused`.
        """
        within = timedelta(seconds=SLOT_TOLERANCE_SEC[self.slot_sec])
        points = self._read(refuse_without("coins", dict, answer.json()))
        first, last = self._stretch(request)
        refuse_other_times(points["priced_at"], first and first - within, last and last + within)
        is_good = pl.col("fault").is_null() & pl.col("source_name").is_null()
        doubted = points.filter(pl.col("is_doubted")).unique("coin", keep="first", maintain_order=True)
        certain = points.filter(~pl.col("is_doubted"))
        slots = nearest(certain.filter(is_good), "asset_id", "priced_at", self.slot_sec, within)
        rows = pl.concat([slots, certain.filter(~is_good), doubted], how="diagonal")
        return rows.select(
            "asset_id",
            "slot_at",
            "priced_at",
            "price_usd",
            "confidence_ratio",
            "locator",
            "source_name",
            "fault",
            slot_sec=pl.lit(self.slot_sec, pl.Int32),
            raw=pl.concat_str("stamp", "price", "confidence", separator=" | ", ignore_nulls=True),
        )

    def _read(self, coins: dict[str, Any]) -> pl.DataFrame:
        """Every record of every coin with its values, and what is wrong with it. Raises `BodyRefused`."""
        points = pl.DataFrame(list(_points(coins)), schema=POINT, orient="row")
        if not points.height:
            reason = f"no price of any of {len(self.coins)} coins; the answer names {', '.join(coins) or 'none'}"
            raise BodyRefused(Outcome.EMPTY_BODY, reason)
        ids = list(self.registry.asset_aliases(self.source).items())
        known = pl.DataFrame(ids, schema={"coin": pl.String, "asset_id": pl.String}, orient="row")
        is_sure = pl.col("confidence_ratio").is_between(LEAST_CONFIDENCE, 1)
        is_unknown = pl.col("asset_id").is_null()
        return (
            points.join(known, on="coin", how="left", maintain_order="left")
            .with_columns(
                priced_at=instant("stamp", "s"),
                price_usd=amount("price", PRICE),
                confidence_ratio=pl.col("confidence").cast(pl.Float64, strict=False),
            )
            .with_columns(is_doubted=~is_unknown & pl.col("confidence").is_not_null() & ~is_sure.fill_null(value=False))
            .with_columns(
                source_name=pl.when(is_unknown).then("coin"),
                fault=pl.when(~is_unknown).then(_fault()),
            )
        )


def _fault() -> pl.Expr:
    doubt = pl.format(
        "confidence {} is not from {} to 1: no price of {} is read", "confidence", LEAST_CONFIDENCE, "coin"
    )
    no_time = pl.format("{} is no time in seconds", pl.col("stamp").fill_null("null"))
    no_price = pl.format("'{}' is no price", pl.col("price").fill_null("null"))
    return (
        pl.when("is_doubted")
        .then(doubt)
        .when(pl.col("priced_at").is_null())
        .then(no_time)
        .when(pl.col("price_usd").is_null())
        .then(no_price)
    )


def _points(coins: dict[str, Any]) -> Iterator[tuple[str | None, ...]]:
    """Every record of every coin as columns of `POINT`. Raises `BodyRefused`."""
    for coin, series in coins.items():
        prices = refuse_without("prices", list, series)
        confidence = printed(series.get("confidence"))
        for number, point in enumerate(prices):
            stamp, price = (point.get("timestamp"), point.get("price")) if isinstance(point, dict) else (None, None)
            yield coin, printed(stamp), printed(price), confidence, f"/coins/{coin}/prices/{number}"


class DefiLlamaPricesHourly(DefiLlamaPrices):
    """Hourly prices of BTC and ETH, for whatever is priced at its moment; a request takes 20 days."""

    entity = "prices_hourly"
    slot_sec = HOUR_SEC
    period = "1h"
    days_per_request = 20
    revision_window_days = 2

    @property
    def coins(self) -> dict[str, str]:
        return {name: asset for name, asset in super().coins.items() if asset in ("btc", "eth")}


class DefiLlamaPricesDaily(DefiLlamaPrices):
    """Prices of all assets at the ends of UTC days; a request takes 300 days."""

    entity = "prices_daily"
    slot_sec = DAY_SEC
    period = "1d"
    days_per_request = 300
    revision_window_days = 7
