"""DefiLlama's fees of chains: what users paid to all protocols of a chain, US dollars a day, whole history.

Belongs here: what to ask about fees and how to read it. A point dated D is the flow of day D, unlike a point of TVL.
The fees that go to the chain itself are one protocol among the others and are not told apart.
Not here: TVL (defillama_tvl.py), HTTP, files, DuckDB, Dagster.
Source: https://github.com/DefiLlama/api-docs (defillama-openapi-free.json, `/overview/fees/{chain}`)
"""

from __future__ import annotations

from urllib.parse import SplitResult

import polars as pl

from pipelines.feeds import llama
from pipelines.feeds.amounts import printed
from pipelines.feeds.chain_stats import POINT, Stat, StatFeed, figure, stats
from pipelines.feeds.points import instant, refuse_without
from pipelines.wire import Answer, BodyRefused, Outcome, Request, Requests, Window

FEES = ("overview", "fees")
PARAMS = {"excludeTotalDataChart": "false", "excludeTotalDataChartBreakdown": "true", "dataType": "dailyFees"}
STAT = Stat("fees_usd", "dailyFees", "all_protocols", "usd")


class DefiLlamaChainFees(StatFeed):
    """Daily fees of the chains under study; the upstream computes each history anew."""

    source = "defillama"
    entity = "chain_fees"
    media = frozenset({"json"})

    @property
    def known_urls(self) -> list[str]:
        asked = self.registry.asked_chains(self.source)
        subjects = sorted(chain_id for chain_id in asked if self.registry.chains[chain_id].is_subject)
        return [llama.address(*FEES, asked[chain_id]) for chain_id in subjects]

    def owns(self, url: SplitResult) -> bool:
        return bool(llama.named(url, *FEES))

    def requests(self, window: Window) -> Requests:
        yield [Request.get(url, PARAMS) for url in self.known_urls]

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `ChainStat`. Raises `BodyRefused`, with `no_data` for a chain without any protocol of fees."""
        chart = refuse_without("totalDataChart", list, answer.json())
        if not chart:
            raise BodyRefused(Outcome.NO_DATA, "no protocol of the chain has fees")
        pairs = [point if isinstance(point, list) and len(point) == 2 else (None, None) for point in chart]
        found = pl.DataFrame(
            [(printed(at), printed(usd), f"/totalDataChart/{number}") for number, (at, usd) in enumerate(pairs)],
            schema=POINT,
            orient="row",
        ).with_columns(at=instant("date", "s"), value=figure("text"))
        is_midnight = pl.col("at") == pl.col("at").dt.truncate("1d")
        dated = found.with_columns(period_start=pl.when(is_midnight).then(pl.col("at").dt.date()))
        name = llama.named(request.target, *FEES) or ""
        chain_id = self.registry.chain_aliases(self.source).get(name)
        return stats(dated, STAT, chain_id, answer.fetched_at).with_columns(source_name=pl.lit(name))
