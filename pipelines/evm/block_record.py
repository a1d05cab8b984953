"""What one chain was asked of whole blocks before, from the ledger of `evm_rpc/full_blocks`.

Belongs here: which blocks, receipts and codes were answered, and which were asked for in vain.
Not here: headers and midnights (record.py), what is asked next (block_conversation.py).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

import polars as pl

from pipelines.evm import calls as rpc
from pipelines.evm.days import midnight_sec
from pipelines.evm.full_blocks import BLOCK_RECEIPTS, CODE, RECEIPT
from pipelines.evm.ranges import Blocks, united
from pipelines.evm.record import AnswerOf, Record
from pipelines.registry import Registry
from pipelines.wire import Answer, BodyRefused, Outcome

log = logging.getLogger("outcrop.evm")

LAST_BODIES = 64
"""A kill leaves so many answers with blocks at most whose receipts and codes were not asked for."""
WHOLE_BLOCK = rf'"{rpc.HEADER}","params":\["(0x[0-9a-fA-F]+)",true\]'
BLOCK_OF_RECEIPTS = rf'"{BLOCK_RECEIPTS}","params":\["(0x[0-9a-fA-F]+)"\]'
HASH_OF_RECEIPT = rf'"{RECEIPT}","params":\["(0x[0-9a-f]{{64}})"\]'
ADDRESS_OF_CODE = rf'"{CODE}","params":\["(0x[0-9a-f]{{40}})"'
HEADER = rf'"{rpc.HEADER}","params":\["(0x[0-9a-fA-F]+)",false\]'
HEX_OF_CALL = r'\["(0x[0-9a-fA-F]+)'


class BlockRecord:
    """The past of one chain. `headers`: the same of its headers, for the search of midnights."""

    def __init__(self, attempts: pl.DataFrame, answer: AnswerOf, registry: Registry, chain_id: str) -> None:
        self._answer = answer
        mine = attempts.filter(chain_number() == registry.evm_chains[chain_id].evm_chain_id)
        body, outcome = pl.col("request_body"), pl.col("outcome")
        is_whole = body.str.contains(WHOLE_BLOCK)
        self._good = mine.filter(outcome == Outcome.OK)
        self._failed = mine.filter(outcome != Outcome.OK)
        self.blocks = (
            self._good.filter(is_whole)
            .with_columns(first=_height(WHOLE_BLOCK), last=_height(WHOLE_BLOCK, is_last=True))
            .sort("fetched_at", "fetch_id")
        )
        self.headers = Record(mine.filter(~is_whole), answer, registry, chain_id)

    @cached_property
    def covered(self) -> list[Blocks]:
        return united(self.blocks.select("first", "last").rows())

    @property
    def last_answers(self) -> Iterator[Answer]:
        """The answers with blocks that came last; those that cannot be read any more are left out."""
        for row in self.blocks.tail(LAST_BODIES).iter_rows(named=True):
            if answer := self.answer(row):
                yield answer

    def answer(self, row: Mapping[str, Any]) -> Answer | None:
        try:
            return self._answer(row)
        except (BodyRefused, OSError, ValueError, KeyError) as error:
            log.debug("%s cannot be read again (%s)", row["fetch_id"], error)
            return None

    def row_of(self, height: int) -> dict[str, Any] | None:
        """The newest answer with a block."""
        rows = self.blocks.filter(pl.col("first") <= height, pl.col("last") >= height).tail(1)
        return rows.row(0, named=True) if rows.height else None

    @cached_property
    def codes(self) -> set[str]:
        """Addresses whose code is known."""
        return _told(self._good, ADDRESS_OF_CODE)

    @cached_property
    def billed(self) -> tuple[set[int], set[str]]:
        """Blocks whose receipts are known, and single transactions."""
        return {int(one, 16) for one in _told(self._good, BLOCK_OF_RECEIPTS)}, _told(self._good, HASH_OF_RECEIPT)

    @property
    def lost_codes(self) -> set[str]:
        """Addresses whose code was asked for in vain."""
        return _told(self._failed, ADDRESS_OF_CODE) - self.codes

    @property
    def lost_receipts(self) -> set[str]:
        return _told(self._failed, HASH_OF_RECEIPT) - self.billed[1]

    @property
    def lost_blocks_of_receipts(self) -> set[int]:
        """Blocks whose receipts were asked for in vain, as a whole."""
        return {int(one, 16) for one in _told(self._failed, BLOCK_OF_RECEIPTS)} - self.billed[0]

    def answered_days(self, days: Iterable[date]) -> dict[date, datetime]:
        """When each day was last answered in full, or a later block that vouches for it was looked at again."""
        index = self.headers.day_index(0)
        checks = self._good.select("fetched_at", height=_height(HEADER)).drop_nulls()
        found = {}
        for day in days:
            before = index.bracket(midnight_sec(day))[0]
            after = index.bracket(midnight_sec(day + timedelta(days=1)))[1]
            run = next((run for run in self.covered if after is not None and run[0] <= after <= run[1]), None)
            if before is None or after is None or run is None or run[0] > max(0, before):
                continue
            told = self.blocks.filter(pl.col("first") <= after, pl.col("last") >= before)["fetched_at"]
            seen = checks.filter(pl.col("height").is_between(after, run[1]))["fetched_at"]
            found[day] = max(told.to_list() + seen.to_list())
        return found


def chain_number() -> pl.Expr:
    """The number of the chain that a request of the ledger asks."""
    return pl.col("request_body").str.extract(r'"id":(\d+)').cast(pl.Int64, strict=False) // rpc.CALLS_PER_REQUEST


def _height(pattern: str, *, is_last: bool = False) -> pl.Expr:
    """The height in the first or the last call of a kind in a request."""
    calls = pl.col("request_body").str.extract_all(pattern)
    text = (calls.list.last() if is_last else calls.list.first()).str.extract(HEX_OF_CALL)
    return text.str.strip_prefix("0x").str.to_integer(base=16, dtype=pl.Int64)


def _told(attempts: pl.DataFrame, pattern: str) -> set[str]:
    """What the requests name behind one method."""
    named = attempts.select(one=pl.col("request_body").str.extract_all(pattern)).explode("one", empty_as_null=False)
    return set(named.select(pl.col("one").str.extract(HEX_OF_CALL))["one"].drop_nulls().to_list())
