"""DefiLlama's TVL of chains: the whole history of each, and the list of all chains as it stands.

Belongs here: what to ask about chains and how to read it. A point dated D is the level at D 00:00 UTC, so it
closes the day before; the last point of a history is taken anew every hour.
Not here: protocols (defillama_protocols.py), prices (defillama_prices.py), HTTP, files, DuckDB, Dagster.
Source: https://github.com/DefiLlama/api-docs (defillama-openapi-free.json, `/v2/historicalChainTvl`, `/v2/chains`)
"""

from __future__ import annotations

from urllib.parse import SplitResult

import polars as pl

from pipelines.feeds import llama
from pipelines.feeds.amounts import amount
from pipelines.feeds.base import Feed
from pipelines.tables.tvl import USD, ChainSnapshot, ChainTvl
from pipelines.wire import Answer, Request, Requests, Window

HISTORY = ("v2", "historicalChainTvl")
CHAINS = ("v2", "chains")
TOTAL_ID, TOTAL_NAME = "all_chains", "all"


class DefiLlamaChainTvl(Feed):
    """Daily TVL of every chain that the seeds ask for, and of all chains together.

    Every answer is a whole history, and the upstream computes it anew each time.
    """

    source = "defillama"
    entity = "chain_tvl"
    subject = "tvl"
    delivers = ChainTvl
    media = frozenset({"json"})

    @property
    def known_urls(self) -> list[str]:
        asked = self.registry.asked_chains(self.source)
        return [llama.address(*HISTORY), *(llama.address(*HISTORY, asked[chain_id]) for chain_id in sorted(asked))]

    def owns(self, url: SplitResult) -> bool:
        return llama.named(url, *HISTORY) is not None

    def requests(self, window: Window) -> Requests:
        """One for the total and one for each chain: a history cannot be cut."""
        yield [Request.get(url) for url in self.known_urls]

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `ChainTvl`. A chain that the upstream knows has points, so a list without any is refused."""
        points = llama.listed(answer.json(), "points", "date", "tvl")
        name = llama.named(request.target, *HISTORY)
        chain_id = self.registry.chain_aliases(self.source).get(name) if name else TOTAL_ID
        found = pl.DataFrame([llama.texts(points, "date"), llama.texts(points, "tvl")]).with_row_index("number")
        return llama.closed(llama.dated(found), answer.fetched_at).select(
            chain_id=pl.lit(chain_id, pl.String),
            tvl_definition=pl.lit("defi"),
            observed_at="observed_at",
            date_day=llama.date_day(),
            tvl_usd=amount("tvl", USD),
            source_name=pl.lit(name or TOTAL_NAME),
            locator=pl.format("/{}", "number"),
            raw=pl.struct("date", "tvl").struct.json_encode(),
            fault=pl.coalesce(llama.date_fault(), llama.figure_fault("tvl", USD)),
        )


class DefiLlamaChainsNow(llama.Snapshot):
    """Every chain of the upstream with its TVL of the moment, by the names that its histories are asked with."""

    entity = "chains_now"
    delivers = ChainSnapshot

    @property
    def known_urls(self) -> list[str]:
        return [llama.address(*CHAINS)]

    def owns(self, url: SplitResult) -> bool:
        return llama.named(url, *CHAINS) == ""

    def requests(self, window: Window) -> Requests:
        yield [Request.get(url) for url in self.known_urls]

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `ChainSnapshot`: all names, those that the seeds do not know without a chain_id."""
        chains = llama.listed(answer.json(), "chains", "name", "tvl")
        found = pl.DataFrame([llama.texts(chains, field) for field in ("name", "chainId", "tokenSymbol", "tvl")])
        return found.with_row_index("number").select(
            source_name="name",
            snapshot_on=pl.lit(answer.fetched_at.date()),
            chain_id=pl.col("name").replace_strict(
                self.registry.chain_aliases(self.source), default=None, return_dtype=pl.String
            ),
            evm_chain_id=pl.col("chainId").cast(pl.Int64, strict=False),
            token_symbol="tokenSymbol",
            tvl_usd=amount("tvl", USD),
            locator=pl.format("/{}", "number"),
            raw=pl.struct(pl.exclude("number")).struct.json_encode(),
            fault=llama.figure_fault("tvl", USD),
        )
