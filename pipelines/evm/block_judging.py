"""Whether an answer about whole blocks, receipts or codes is one to its question.

Belongs here: what judging.py does for headers and logs, for these three.
Not here: what the conversation does next (block_conversation.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pipelines.bridges import SystemTransaction
from pipelines.evm import calls as rpc
from pipelines.evm.calls import Call
from pipelines.evm.full_blocks import (
    BLOCK_RECEIPTS,
    CODE,
    PLAIN_TRANSFER_GAS,
    RECEIPT,
    is_of,
    is_of_blocks,
    read_blocks,
    read_codes,
    read_receipts,
)
from pipelines.evm.judging import Judge
from pipelines.evm.system_transactions import is_system
from pipelines.registry import Registry
from pipelines.wire import BodyRefused, Outcome, Request


@dataclass(frozen=True)
class Bill:
    """A block whose fees only receipts tell: its hash and its transactions that are not the chain's own."""

    height: int
    block_hash: str
    tx_hashes: tuple[str, ...]
    tx_count: int


@dataclass(frozen=True)
class BlocksReading:
    """What the conversation needs to know of an answer with whole blocks.

    `parent_hash` of its first block, `block_hash` of its last one, `at_sec` of the last one; `bills`; `recipients`:
    who may be contracts.
    """

    first: int
    last: int
    parent_hash: str
    block_hash: str
    bills: tuple[Bill, ...]
    recipients: frozenset[str]


class BlockJudge(Judge):
    """Judges bodies of `evm_rpc/full_blocks`. `bills`: (number of the chain, height) -> the block of its receipts."""

    def __init__(self, registry: Registry, source_id: str) -> None:
        super().__init__(registry, source_id)
        self.bills: dict[tuple[int, int], Bill] = {}
        self._registry = registry
        self._blocks_read: dict[Request, BlocksReading] = {}

    def refusal(self, request: Request, body: bytes) -> BodyRefused | None:
        evm_chain_id, calls = rpc.calls_of(request)
        try:
            if is_of_blocks(calls):
                self._blocks_read[request] = self._read_blocks(evm_chain_id, calls, body)
            elif is_of(calls, BLOCK_RECEIPTS, RECEIPT):
                self._check_receipts(evm_chain_id, calls, body)
            elif is_of(calls, CODE):
                self._check_codes(request, calls, body)
            else:
                return super().refusal(request, body)
        except BodyRefused as refused:
            return super().refusal(request, body) or refused
        return None

    def blocks_reading(self, request: Request, body: bytes) -> BlocksReading:
        """What a good answer with whole blocks holds; read at its arrival, or now. Raises `BodyRefused`."""
        return self._blocks_read.pop(request, None) or self._read_blocks(*rpc.calls_of(request), body)

    def _read_blocks(self, evm_chain_id: int, calls: list[Call], body: bytes) -> BlocksReading:
        blocks = read_blocks(body)
        headers = blocks.headers.sort("block_number")
        if fault := headers["fault"].drop_nulls().first():
            raise BodyRefused(Outcome.WRONG_ANSWER, f"a block is malformed: {fault}")
        heights = sorted(int(call.params[0], 16) for call in calls)
        if headers["block_number"].to_list() != heights:
            raise BodyRefused(
                Outcome.WRONG_ANSWER, f"blocks {headers['block_number'].to_list()[:3]}, not {heights[:3]}"
            )
        parents = headers["parent_hash"].slice(1).to_list()
        if parents != headers["block_hash"].head(len(parents)).to_list():
            raise BodyRefused(Outcome.WRONG_ANSWER, "a block is not the parent of the next: they were reorganised")
        self._check_anchor(evm_chain_id, dict(headers.select("block_number", "block_hash").rows()))
        of_users = blocks.transactions.filter(~is_system(self._rules(evm_chain_id)))
        return BlocksReading(
            heights[0],
            heights[-1],
            headers["parent_hash"][0],
            headers["block_hash"][-1],
            _bills(headers, of_users),
            frozenset(recipients(of_users)),
        )

    def _rules(self, evm_chain_id: int) -> list[SystemTransaction]:
        chain_id = self._registry.chain_of_evm_id.get(evm_chain_id)
        return [rule for rule in self._registry.system_transactions if rule.chain_id == chain_id]

    def _check_anchor(self, evm_chain_id: int, hashes: dict[int, str]) -> None:
        chain = self._chains.get(evm_chain_id)
        if chain and chain.anchor_block_number in hashes:
            found = hashes[chain.anchor_block_number]
            if found != chain.anchor_block_hash:
                raise BodyRefused(Outcome.WRONG_CHAIN, f"block {chain.anchor_block_number} is {found}: another chain")

    def _check_receipts(self, evm_chain_id: int, calls: Sequence[Call], body: bytes) -> None:
        """Raises `BodyRefused` where receipts are missing, or of other blocks than those that were had."""
        told = read_receipts(body, calls)
        hashes: dict[int, set[str]] = {}
        for height, block_hash in told.select("block_number", "block_hash").unique().rows():
            hashes.setdefault(height, set()).add(block_hash)
        if is_of(calls, RECEIPT):
            asked, had = {call.params[0] for call in calls}, set(told["tx_hash"].to_list())
            if asked != had:
                raise BodyRefused(Outcome.WRONG_ANSWER, f"receipts of {len(had & asked)} of {len(asked)} transactions")
        counts = dict(told.group_by("block_number").agg(pl.col("tx_hash").n_unique()).rows())
        for height in [int(call.params[0], 16) for call in calls if call.method == BLOCK_RECEIPTS] or hashes:
            bill = self.bills.get((evm_chain_id, height))
            if bill is None:
                continue
            if hashes.get(height) != {bill.block_hash}:
                raise BodyRefused(Outcome.WRONG_ANSWER, f"receipts of block {height} are of another block")
            if is_of(calls, BLOCK_RECEIPTS) and counts[height] != bill.tx_count:
                said = f"{counts[height]} receipts of the {bill.tx_count} transactions of block {height}"
                raise BodyRefused(Outcome.WRONG_ANSWER, said)

    def _check_codes(self, request: Request, calls: Sequence[Call], body: bytes) -> None:
        told = read_codes(body, request.body or "").drop_nulls()
        if told.height != len(calls):
            raise BodyRefused(Outcome.WRONG_ANSWER, f"codes of {told.height} of {len(calls)} addresses")


def _bills(headers: pl.DataFrame, of_users: pl.DataFrame) -> tuple[Bill, ...]:
    """The blocks that do not say their fees and have transactions of users."""
    unpaid = headers.filter(pl.col("paid_fees_wei").is_null())
    told = (
        of_users.group_by("block_number", maintain_order=True)
        .agg("tx_hash")
        .join(unpaid, on="block_number", maintain_order="left")
        .select("block_number", "block_hash", "tx_hash", "tx_count")
    )
    return tuple(Bill(height, hashed, tuple(txs), count) for height, hashed, txs, count in told.rows())


def recipients(transactions: pl.DataFrame) -> list[str]:
    """Who of those that transactions go to may be a contract: it was sent data, or more gas than a transfer takes."""
    may_be = pl.col("has_input") | (pl.col("gas_limit") > PLAIN_TRANSFER_GAS)
    return transactions.filter(pl.col("to").is_not_null() & may_be)["to"].unique().sort().to_list()
