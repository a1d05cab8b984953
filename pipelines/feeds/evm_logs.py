"""Logs of the registered bridges, asked of EVM nodes over JSON-RPC.

Belongs here: the feed that holds the conversation, and which days it closes.
Not here: how ranges are chosen and answers judged (evm), what the logs mean (evm_bridges.py).
Source: https://ethereum.org/en/developers/docs/apis/json-rpc/ (eth_getLogs).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import cached_property
from urllib.parse import SplitResult, urlsplit

import polars as pl

from pipelines.evm import calls as rpc
from pipelines.evm import coverage
from pipelines.evm.answered import answered_days, unhealed
from pipelines.evm.conversation import Conversation
from pipelines.evm.judging import Judge
from pipelines.evm.logs import read_logs
from pipelines.evm.record import Record
from pipelines.feeds.base import ASKED, Feed, Past
from pipelines.tables.evm import EvmLog
from pipelines.wire import Answer, BodyRefused, Outcome, Request, Requests, Window

NOTHING = pl.DataFrame(
    schema={
        "fetch_id": pl.String,
        "url": pl.String,
        "request_body": pl.String,
        "fetched_at": pl.Datetime("us"),
        "outcome": pl.String,
        "error": pl.String,
    }
)
"""The ledger before anything was asked."""
DAY_SEC = 24 * 60 * 60
USUAL_BLOCK_SEC = 3
"""For estimates; the chains make a block every 2 to 30 seconds."""
BRIEF_CALLS = 4
"""Chain and head, midnights, ends of ranges, times of blocks: requests of one chain and day beside those for logs."""


class EvmLogs(Feed):
    """Every log of the bridges' contracts, as the nodes gave it."""

    source = "evm_rpc"
    entity = "logs"
    subject = "bridges"
    delivers = EvmLog
    media = frozenset({"json"})
    by_day = True

    @cached_property
    def _judge(self) -> Judge:
        return Judge(self.registry, self.source)

    @property
    def known_urls(self) -> list[str]:
        return sorted({end.url for one in self.registry.asked_evm_chains for end in self._endpoints(one.chain_id)})

    def _endpoints(self, chain_id: str) -> tuple:
        return self.registry.endpoints(self.source, chain_id)

    def owns(self, url: SplitResult) -> bool:
        places = {(urlsplit(one).netloc, urlsplit(one).path) for one in self.known_urls}
        return (url.netloc, url.path) in places

    def requests(self, window: Window) -> Requests:
        """What would be asked if nothing ever had been."""
        yield from self.conversation(window, Past(NOTHING, _none_kept))

    def conversation(self, window: Window, past: Past) -> Requests:
        """Chain by chain: who answers, where the days begin, the missing logs, and times and balances."""
        records = self._records(past.attempts, past.answer)
        known = set(answered_days(self.registry, records, window.days()))
        for chain_id, record in records.items():
            first = max(window.first, self.registry.evm_chains[chain_id].first_block_on)
            if first > window.last:
                continue
            is_known = known.issuperset(window.days())
            talk = Conversation(self.registry, chain_id, record, self._judge, self.manners, is_known=is_known)
            yield from talk.about(Window(first, window.last))

    def _records(self, attempts: pl.DataFrame, answer: Callable[..., Answer]) -> dict[str, Record]:
        chains = self.registry.asked_evm_chains
        return {chain.chain_id: Record(attempts, answer, self.registry, chain.chain_id) for chain in chains}

    def refusal(self, request: Request, body: bytes) -> BodyRefused | None:
        return self._judge.refusal(request, body)

    def answered(self, past: Past, days: list[date]) -> dict[date, datetime]:
        return answered_days(self.registry, self._records(past.attempts, past.answer), days)

    def unhealed(self, attempts: pl.DataFrame) -> pl.DataFrame:
        return unhealed(self.registry, attempts, self._records(attempts, _none_kept))

    def is_read(self, request: Request) -> bool:
        return coverage.is_of_logs(rpc.calls_of(request)[1])

    def request_count(self, window: Window) -> int:
        """An estimate from usual block times and the ranges of the first endpoints; answers may be fewer or more."""
        days = len(window.days())
        first_ends = [self._endpoints(chain.chain_id)[:1] for chain in self.registry.asked_evm_chains]
        blocks = days * DAY_SEC // USUAL_BLOCK_SEC
        return sum(BRIEF_CALLS * days + -(-blocks // end.max_block_range) for ends in first_ends for end in ends)

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `EvmLog`. A log that the filter of several bridges brought by chance is left out."""
        evm_chain_id, _ = rpc.calls_of(request)
        chain_id = self.registry.chain_of_evm_id.get(evm_chain_id)
        if chain_id is None:
            raise BodyRefused(Outcome.WRONG_CHAIN, f"no chain of seeds.evm_chains has the number {evm_chain_id}")
        logs = read_logs(answer.body)
        owners = coverage.owners(self.registry, chain_id, coverage.bridges_asked(request, self.registry))
        told = logs.join(owners, on=["contract_address", "topic0"], how="left", maintain_order="left")
        is_of_role = pl.col("topic1s").is_null() | pl.col("topic1").is_in(pl.col("topic1s")).fill_null(value=False)
        return (
            told.filter(pl.col("fault").is_not_null() | (pl.col("log_set_id").is_not_null() & is_of_role))
            .unique("locator", keep="first", maintain_order=True)
            .drop("topic1s")
            .with_columns(chain_id=pl.lit(chain_id))
        )

    def covers(self, request: Request, answer: Answer, rows: pl.DataFrame) -> pl.DataFrame:
        """The blocks of the request, for each bridge that was asked for in full."""
        first, last = coverage.blocks_of(request)
        asked = [(bridge_id, None, None, first, last) for bridge_id in coverage.bridges_asked(request, self.registry)]
        return pl.DataFrame(asked, schema=ASKED, orient="row")


def _none_kept(_: object) -> Answer:
    raise KeyError("no body is at hand")
