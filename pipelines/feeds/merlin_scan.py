"""Merlin's own explorer (L2scan): daily transactions, unique addresses and fees, all days in one answer.

Belongs here: what to ask its statistics over tRPC and how to read them. Its unique addresses are those that
transactions go to, not those that send them.
Not here: the explorer's other endpoints, HTTP, files, DuckDB, Dagster.
Source: https://scan.merlinchain.io (procedures stat.*, as its pages and DefiLlama/dimension-adapters:fees/merlin.ts
ask them)
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from urllib.parse import SplitResult

import polars as pl

from pipelines.feeds.chain_stats import Stat, StatFeed, day_of, figure, points_of, stats
from pipelines.feeds.points import refuse_without
from pipelines.wire import Answer, BodyRefused, Outcome, Request, Requests, Window

URL = "https://scan.merlinchain.io/api/trpc/"
CHAIN_ID = "merlin"
PROCEDURES = {
    f"stat.{stat.source_metric}": stat
    for stat in (
        Stat("tx_count", "getDailyTxCount", "all"),
        Stat("active_addresses", "getUniqueAddressesCount", "recipient"),
        Stat("txn_fee_native", "getDailyTxFee", "l2_fee", "btc"),
    )
}
VALUES = ("count", "total_fee")
"""The name of the figure as the explorer answers, and as the public code of its kind has the fee."""


class MerlinScanChainStats(StatFeed):
    """Three series since the chain began."""

    source = "merlin_scan"
    entity = "chain_stats"
    media = frozenset({"json"})

    @property
    def known_urls(self) -> list[str]:
        return [f"{URL}{procedure}" for procedure in PROCEDURES]

    def owns(self, url: SplitResult) -> bool:
        return f"https://{url.hostname}{url.path}" in self.known_urls

    def requests(self, window: Window) -> Requests:
        """All days up to the last one: an answer stands for the whole history."""
        first = datetime.combine(self.manners.history_from, time(), UTC)
        end = datetime.combine(window.last, time(), UTC) + timedelta(days=1)
        span = {"timeStart": int(first.timestamp()), "timeEnd": int(end.timestamp()) - 1}
        asked = json.dumps({"json": span}, separators=(",", ":"))
        yield [Request.get(url, {"input": asked}) for url in self.known_urls]

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `ChainStat`. Raises `BodyRefused`."""
        stat = PROCEDURES.get(request.url.removeprefix(URL))
        if stat is None:
            raise BodyRefused(Outcome.LAYOUT_CHANGED, f"{request} asks for no series of ours")
        data = refuse_without("data", dict, refuse_without("result", dict, answer.json()))
        points = points_of(refuse_without("json", list, data), "/result/data/json", "date", *VALUES)
        dated = points.with_columns(period_start=day_of("date"), value=figure("text"))
        return stats(dated, stat, CHAIN_ID, answer.fetched_at)
