"""Coin Metrics community API: price, market cap and supply of assets, one row a day.

Belongs here: what to ask Coin Metrics and how to read its answers. Its row of day D is the close of that day, so it
is observed at D+1 00:00 UTC. A null is no data yet; a metric that no row names is one we may not see.
Not here: HTTP, files, DuckDB, Dagster.
Source: https://docs.coinmetrics.io/api/v4 (timeseries/asset-metrics)
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any
from urllib.parse import SplitResult

import polars as pl

from pipelines.feeds.amounts import amount, printed
from pipelines.feeds.base import Feed
from pipelines.feeds.points import INSTANT, refuse_without
from pipelines.registry import Source
from pipelines.tables.market import PRICE, AssetMarket
from pipelines.wire import Answer, BodyRefused, Failure, Outcome, Request, Requests, Window

URL = "https://community-api.coinmetrics.io/v4/timeseries/asset-metrics"
METRICS = {"PriceUSD": "price_usd", "CapMrktCurUSD": "market_cap_usd", "SplyCur": "circulating_supply"}
CHOICES = (
    ("PriceUSD", "CapMrktCurUSD", "SplyCur"),
    ("PriceUSD", "CapMrktCurUSD"),
    ("PriceUSD", "SplyCur"),
    ("PriceUSD",),
)
"""What is asked for, the first that is not forbidden: every answer holds whole rows of all that may be seen.

Metrics asked for one by one would give rows that contradict each other about what is null.
"""
FORBIDDEN = 403
MIDNIGHT = r"^(\d{4}-\d{2}-\d{2})(?:T00:00:00(?:\.0+)?Z?)?$"
MOST_ROWS_PER_PAGE = 10_000


class CoinMetricsAssetMarket(Feed):
    """Daily closes of the assets that the seeds name, all days at once; values are revised for some weeks."""

    source = "coinmetrics"
    entity = "asset_market"
    subject = "market"
    delivers = AssetMarket
    media = frozenset({"json"})

    @property
    def manners(self) -> Source:
        return replace(super().manners, settle_lag_hours=9, revision_window_days=30)

    @property
    def known_urls(self) -> list[str]:
        return [URL]

    def owns(self, url: SplitResult) -> bool:
        return f"https://{url.hostname}{url.path.rstrip('/')}" == URL

    def requests(self, window: Window) -> Requests:
        """Pages from the oldest day on, all metrics together or as many of them as are not forbidden."""
        for metrics in CHOICES:
            is_forbidden = yield from self._pages(self._request(window, metrics))
            if not is_forbidden:
                return

    def _request(self, window: Window, metrics: tuple[str, ...]) -> Request:
        params = {
            "assets": ",".join(self.registry.asset_aliases(self.source)),
            "metrics": ",".join(metrics),
            "frequency": "1d",
            "start_time": window.first.isoformat(),
            "end_time": window.last.isoformat(),
            "page_size": str(MOST_ROWS_PER_PAGE),
            "paging_from": "start",
            "ignore_forbidden_errors": "true",
            "ignore_unsupported_errors": "true",
        }
        return Request.get(URL, params)

    def _pages(self, first: Request) -> Generator[list[Request], list[Answer | Failure], bool]:
        """One page after the other; whether the first one was forbidden."""
        asked: set[str] = set()
        request: Request | None = first
        while request and request.full_url not in asked:
            asked.add(request.full_url)
            [page] = yield [request]
            if isinstance(page, Failure):
                return page.status == FORBIDDEN and request == first
            request = _next_page(page)
        return False

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `AssetMarket`; a day without a price has no row, and an absent metric is one fault.

        Raises `BodyRefused`.
        """
        data = refuse_without("data", list, answer.json())
        if not data:
            raise BodyRefused(Outcome.EMPTY_BODY, "no day of any asset in the answer")
        if not all(isinstance(row, dict) for row in data):
            raise BodyRefused(Outcome.LAYOUT_CHANGED, "a row of /data is no object")
        given = set().union(*data)
        if "PriceUSD" not in given:
            raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no PriceUSD in any row, only {', '.join(sorted(given))}")
        ids = self.registry.asset_aliases(self.source)
        is_unknown = pl.col("asset_id").is_null()
        rows = _texts(data).with_columns(
            asset_id=pl.col("asset").replace_strict(ids, default=None, return_dtype=pl.String),
            date_day=pl.col("time").str.extract(MIDNIGHT, 1).str.to_date("%Y-%m-%d", strict=False),
            **{column: amount(metric, PRICE) for metric, column in METRICS.items()},
        )
        cap = pl.col("market_cap_usd")
        values = rows.filter(pl.col("PriceUSD").is_not_null() | pl.col("date_day").is_null()).select(
            "asset_id",
            "date_day",
            "price_usd",
            "circulating_supply",
            "locator",
            observed_at=pl.col("date_day").cast(INSTANT).dt.offset_by("1d"),
            market_cap_usd=pl.when(cap != 0).then(cap),
            source_status=pl.col("status"),
            source_name=pl.when(is_unknown).then(pl.col("asset").fill_null("null")),
            raw=pl.concat_str("asset", "time", *METRICS, separator=" | ", ignore_nulls=True),
            fault=pl.when(~is_unknown).then(pl.coalesce(_no_day(), *(_no_number(name) for name in METRICS))),
        )
        asked = dict(request.params).get("metrics", "").split(",")
        return pl.concat(
            [values, _withheld([name for name in asked if name in METRICS.keys() - given])], how="diagonal"
        )


def _next_page(page: Answer) -> Request | None:
    """What the answer names as its next page, always on our host; None on the last one, and where it is unreadable."""
    try:
        document = page.json()
    except BodyRefused:
        return None
    url = document.get("next_page_url") if isinstance(document, dict) else None
    try:
        params = Request.of(url).params if isinstance(url, str) else ()
    except ValueError:
        return None
    return Request(URL, params=params) if params else None


def _texts(data: list[dict[str, Any]]) -> pl.DataFrame:
    """The rows as they are printed, with `status`: the ones of all metrics, where any is given."""
    columns = {name: [printed(row.get(name)) for row in data] for name in ("asset", "time", *METRICS)}
    statuses = [{printed(row.get(f"{metric}-status")) for metric in METRICS} - {None} for row in data]
    columns["status"] = [",".join(sorted(filter(None, some))) or None for some in statuses]
    columns["locator"] = [f"/data/{number}" for number in range(len(data))]
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def _withheld(metrics: list[str]) -> pl.DataFrame:
    """One fault for each metric that was asked for and that no row names."""
    rows = [(f"/data/0/{name}", f"{name} was asked for and no row names it: withheld or unknown") for name in metrics]
    return pl.DataFrame(rows, schema={"locator": pl.String, "fault": pl.String}, orient="row")


def _no_day() -> pl.Expr:
    """What to say of a time that is not the start of a day; null where it is."""
    time = pl.col("time").fill_null("null")
    return pl.when(pl.col("date_day").is_null()).then(pl.format("'{}' is not the start of a day", time))


def _no_number(metric: str) -> pl.Expr:
    """What to say of a figure that is given and cannot be read; null of one that can, or is not given."""
    is_unread = pl.col(metric).is_not_null() & pl.col(METRICS[metric]).is_null()
    return pl.when(is_unread).then(pl.format("{} '{}' is not a number", pl.lit(metric), metric))
