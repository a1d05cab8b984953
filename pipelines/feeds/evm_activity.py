"""Activity of EVM chains from whole blocks: asked of nodes by choice, for the chains and days that a user names.

Belongs here: the feed that holds the conversation, what each block says, and the table of what blocks come to.
Not here: the conversation itself (evm), the sets of addresses that periods are counted from (address_sets.py).
Source: https://ethereum.org/en/developers/docs/apis/json-rpc/ (eth_getBlockByNumber, eth_getBlockReceipts,
eth_getTransactionReceipt, eth_getCode).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from functools import cached_property
from urllib.parse import SplitResult

import polars as pl

from pipelines.evm import calls as rpc
from pipelines.evm.block_conversation import BlockConversation, debts_of
from pipelines.evm.block_judging import BlockJudge
from pipelines.evm.block_record import BlockRecord, chain_number
from pipelines.evm.calls import Call
from pipelines.evm.full_blocks import BLOCK_RECEIPTS, CODE, RECEIPT, is_of, is_of_blocks, read_blocks
from pipelines.evm.system_transactions import is_system
from pipelines.feeds.base import ASKED, Feed, Past
from pipelines.feeds.evm_logs import DAY_SEC, NOTHING, USUAL_BLOCK_SEC
from pipelines.tables.block_activity import BlockActivity, BlockChainStat
from pipelines.wire import Answer, BodyRefused, Outcome, Request, Requests, Window


class _OfWholeBlocks(Feed):
    """A table filled by the answers of `evm_rpc/full_blocks`."""

    source = "evm_rpc"
    subject = "activity"
    media = frozenset({"json"})
    by_day = True
    by_choice = True

    @property
    def known_urls(self) -> list[str]:
        return []

    def owns(self, url: SplitResult) -> bool:
        return False

    def chain_of(self, request: Request) -> str:
        """The chain whose nodes were asked. Raises `BodyRefused`."""
        evm_chain_id, _ = rpc.calls_of(request)
        chain_id = self.registry.chain_of_evm_id.get(evm_chain_id)
        if chain_id is None:
            raise BodyRefused(Outcome.WRONG_CHAIN, f"no chain of seeds.evm_chains has the number {evm_chain_id}")
        return chain_id


class EvmFullBlocks(_OfWholeBlocks):
    """Whole blocks of the chains that a user names, and what each says of its transactions."""

    entity = "full_blocks"
    delivers = BlockActivity

    @cached_property
    def _judge(self) -> BlockJudge:
        return BlockJudge(self.registry, self.source)

    def requests(self, window: Window) -> Requests:
        """What would be asked if nothing ever had been."""
        yield from self.conversation(window, Past(NOTHING, _none_kept))

    def conversation(self, window: Window, past: Past) -> Requests:
        """Chain by chain: where the days begin, the missing blocks, their receipts, and codes of recipients."""
        for chain in self.registry.named_evm_chains:
            first = max(window.first, chain.first_block_on)
            if first > window.last:
                continue
            record = self._record(chain.chain_id, past.attempts, past.answer)
            asked = Window(first, window.last)
            is_known = record.answered_days(asked.days()).keys() >= set(asked.days())
            talk = BlockConversation(
                self.registry, chain.chain_id, record, self._judge, self.manners, is_known=is_known
            )
            yield from talk.about(asked)

    def _record(self, chain_id: str, attempts: pl.DataFrame, answer: Callable[..., Answer]) -> BlockRecord:
        return BlockRecord(attempts, answer, self.registry, chain_id)

    def refusal(self, request: Request, body: bytes) -> BodyRefused | None:
        return self._judge.refusal(request, body)

    def answered(self, past: Past, days: list[date]) -> dict[date, datetime]:
        """When each day was last answered in full: by all chains that the user named, else by any chain.

        While receipts or codes are owed no day counts: they are asked for with the next conversation.
        """
        named = [chain.chain_id for chain in self.registry.named_evm_chains]
        found = []
        for chain_id in named or self._chains_in(past.attempts):
            record = self._record(chain_id, past.attempts, past.answer)
            alive = [day for day in days if day >= self.registry.evm_chains[chain_id].first_block_on]
            is_owed = bool(named) and any(debts_of(record, self._judge))
            found.append({} if is_owed else record.answered_days(alive))
        every = set.intersection(*map(set, found)) if named and found else {day for one in found for day in one}
        return {day: max(one[day] for one in found if day in one) for day in sorted(every)}

    def _chains_in(self, attempts: pl.DataFrame) -> Iterable[str]:
        numbers = attempts.select(number=chain_number())["number"].drop_nulls().unique().sort()
        known = (self.registry.chain_of_evm_id.get(number) for number in numbers)
        return [chain_id for chain_id in known if chain_id]

    def unhealed(self, attempts: pl.DataFrame) -> pl.DataFrame:
        """The failed attempts that nothing later made good.

        A question for blocks is made good by answers with all of them, another one by any later answer to its method;
        a node that does not know eth_getBlockReceipts is asked for single receipts.
        """
        told = attempts.with_columns(
            evm_chain_id=chain_number(),
            method=pl.when(pl.col("request_body").str.contains(",true]", literal=True))
            .then(pl.lit("blocks"))
            .otherwise(pl.col("request_body").str.extract(r'"method":"(\w+)"')),
        )
        of_method = told.with_columns(method=pl.col("method").replace({BLOCK_RECEIPTS: RECEIPT}))
        good_at = pl.col("fetched_at").filter(pl.col("outcome") == Outcome.OK).max().over("evm_chain_id", "method")
        is_healed = (pl.col("fetched_at") <= good_at).fill_null(value=False) & (
            pl.col("outcome") != Outcome.WRONG_CHAIN
        )
        failed = of_method.with_columns(is_healed=is_healed).filter(pl.col("outcome") != Outcome.OK)
        covered = {
            chain_id: self._record(chain_id, attempts, _none_kept).covered for chain_id in self._chains_in(attempts)
        }
        is_open = [
            not self._are_covered(covered, row) if row["method"] == "blocks" else not row["is_healed"]
            for row in failed.iter_rows(named=True)
        ]
        return failed.filter(pl.Series(is_open, dtype=pl.Boolean)).select(attempts.columns)

    def _are_covered(self, covered: dict[str, list[tuple[int, int]]], row: dict) -> bool:
        _, calls = rpc.calls_of(Request("", body=row["request_body"]))
        first, last = int(calls[0].params[0], 16), int(calls[-1].params[0], 16)
        ranges = covered.get(self.registry.chain_of_evm_id.get(row["evm_chain_id"], ""), [])
        return any(start <= first and last <= end for start, end in ranges)

    def is_read(self, request: Request) -> bool:
        return is_of_blocks(rpc.calls_of(request)[1])

    def request_count(self, window: Window) -> int:
        """An estimate from usual block times and the batches of the first endpoints, receipts and codes left out."""
        blocks = len(window.days()) * DAY_SEC // USUAL_BLOCK_SEC
        chains = [chain.chain_id for chain in self.registry.named_evm_chains]
        ends = [[end for end in self.registry.endpoints(self.source, one) if end.style == "rpc"] for one in chains]
        return sum(-(-blocks // of_chain[0].max_batch_calls) for of_chain in ends if of_chain)

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `BlockActivity`. Raises `BodyRefused`."""
        chain_id = self.chain_of(request)
        rules = [rule for rule in self.registry.system_transactions if rule.chain_id == chain_id]
        blocks = read_blocks(answer.body)
        of_users = blocks.transactions.filter(~is_system(rules)).group_by("block_number")
        counts = of_users.agg(
            operational_tx_count=pl.len().cast(pl.Int64),
            senders_count=pl.col("from").n_unique().cast(pl.Int64),
            contracts_created=pl.col("to").null_count().cast(pl.Int64),
        )
        counted = ("operational_tx_count", "senders_count", "contracts_created")
        return blocks.headers.join(counts, on="block_number", how="left", maintain_order="left").with_columns(
            pl.col(counted).fill_null(0), chain_id=pl.lit(chain_id)
        )

    def covers(self, request: Request, answer: Answer, rows: pl.DataFrame) -> pl.DataFrame:
        """The blocks that were asked for."""
        _, calls = rpc.calls_of(request)
        heights = [int(call.params[0], 16) for call in calls]
        return pl.DataFrame([(self.chain_of(request), None, None, min(heights), max(heights))], ASKED, orient="row")


class EvmChainStats(_OfWholeBlocks):
    """What whole blocks come to in days, weeks and months that are covered from start to end."""

    entity = "chain_stats"
    delivers = BlockChainStat
    reads = ("full_blocks",)
    gathers = True

    def requests(self, window: Window) -> Requests:
        """Nothing: the feed of whole blocks asks."""
        yield from ()  # ty: ignore[invalid-yield]

    def is_read(self, request: Request) -> bool:
        calls: list[Call] = rpc.calls_of(request)[1]
        return is_of_blocks(calls) or is_of(calls, BLOCK_RECEIPTS, RECEIPT) or is_of(calls, CODE)

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """No one answer has a row: they are counted together (address_sets.py)."""
        raise NotImplementedError(f"{self.feed_id} is counted from all answers of a period")


def _none_kept(_: object) -> Answer:
    raise KeyError("no body is at hand")
