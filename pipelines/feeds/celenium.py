"""Celenium, Celestia's indexer: bytes, blobs, fees, transactions and gas price of the whole network, day by day.

Belongs here: what to ask for the network's series, and the reading of a series that all of Celenium's feeds share.
Not here: single rollups (celenium_rollups.py), what a megabyte costs (SQL), HTTP, files, DuckDB, Dagster.
Source: https://github.com/celenium-io/celestia-indexer (cmd/api: its handlers and swagger file)
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import SplitResult

import polars as pl

from pipelines.feeds.amounts import shown
from pipelines.feeds.base import Feed
from pipelines.feeds.chain_stats import INSTANT, POINT, day_of, figure, points_of
from pipelines.tables.da import UNITS, DaDaily
from pipelines.wire import Answer, BodyRefused, Outcome, Request, Requests, Window

HOST = "api-mainnet.celenium.io"
BASE = f"https://{HOST}/v1"
LAYER = "celestia"
NETWORK = {
    f"{BASE}/stats/series/{name}/day": measure
    for name, measure in {
        "blobs_size": "blob_bytes",
        "blobs_count": "blob_count",
        "fee": "fee",
        "tx_count": "tx_count",
        "gas_price": "gas_price",
    }.items()
}
"""Address of a series -> what it measures. Without bounds it has all days since the chain began."""


class CeleniumFeed(Feed):
    """What the feeds of Celenium have in common."""

    source = "celenium"
    subject = "da"
    media = frozenset({"json"})


class CeleniumDaDaily(CeleniumFeed):
    """All of Celestia, whole history."""

    entity = "da_daily"
    delivers = DaDaily

    @property
    def known_urls(self) -> list[str]:
        return [*NETWORK]

    def owns(self, url: SplitResult) -> bool:
        return f"https://{url.hostname}{url.path.rstrip('/')}" in NETWORK

    def requests(self, window: Window) -> Requests:
        yield [Request.get(url) for url in NETWORK]

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `DaDaily`. Raises `BodyRefused`: empty_body for a series without a point."""
        measure = NETWORK.get(request.url.rstrip("/"))
        if measure is None:
            raise BodyRefused(Outcome.LAYOUT_CHANGED, f"{request} asks for no series of ours")
        days = series(answer, measure)
        if days.is_empty():
            raise BodyRefused(Outcome.EMPTY_BODY, f"no day in the series of {measure}")
        return days.with_columns(da_layer_id=pl.lit(LAYER))


def series(answer: Answer, measure: str) -> pl.DataFrame:
    """The days of a series: date_day, measure, value, unit, locator, raw, fault. Raises `BodyRefused`.

    A day that is not over when the answer comes has no row; one that has not begun is left to the table.
    """
    document = answer.json()
    if not isinstance(document, list):
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no series in the answer, which says {str(document)[:120]}")
    points = points_of(document, "", "time", "value") if document else pl.DataFrame(schema=POINT)
    dated = points.with_columns(date_day=day_of("date"), value=figure("text"))
    return dated.filter(~_is_open(answer.fetched_at)).select(
        "date_day",
        "value",
        "locator",
        measure=pl.lit(measure),
        unit=pl.lit(UNITS[measure]),
        raw=pl.concat_str("date", "text", separator=" | ", ignore_nulls=True),
        fault=pl.coalesce(
            pl.when(pl.col("date_day").is_null()).then(
                pl.format("'{}' is not the start of a UTC day", shown("date")),
            ),
            pl.when(pl.col("value").is_null()).then(pl.format("'{}' is not a number that fits", shown("text"))),
        ),
    )


def _is_open(fetched_at: datetime) -> pl.Expr:
    start = pl.col("date_day").cast(INSTANT)
    return ((start <= fetched_at) & (start.dt.offset_by("1d") > fetched_at)).fill_null(value=False)
