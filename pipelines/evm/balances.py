"""Balances of a chain's peg account at the ends of days.

Belongs here: which heights, and which nodes may know a balance of the past.
Not here: the search for midnights (days.py).
"""

from __future__ import annotations

from itertools import pairwise

from pipelines.evm import calls as rpc
from pipelines.evm.asking import WAVE, Asking, Talk
from pipelines.evm.days import DayIndex
from pipelines.evm.endpoints import Node
from pipelines.evm.record import Record
from pipelines.wire import Answer

MOST_BETWEEN = 32
"""Headers worth asking for to find the exact end of one day."""


class Balances:
    """The balances of one account; nothing to ask where the chain has none."""

    def __init__(self, asking: Asking, record: Record, account: str | None) -> None:
        self._asking, self._account = asking, account
        self._known, self._stale, self._refused = record.balances() if account else (set(), set(), set())

    def between(self, index: DayIndex, instants: list[int]) -> list[int]:
        """The blocks around midnights one of which is the last of its day, where they are few."""
        if self._account is None:
            return []
        brackets = [index.bracket(instant) for instant in instants]
        known = [(before, after) for before, after in brackets if before is not None and after is not None]
        return [
            height for before, after in known if after - before <= MOST_BETWEEN for height in range(before + 1, after)
        ]

    def doubt(self, first: int) -> None:
        """Balances from this block on are to be asked for again."""
        self._stale |= {height for height in self._known if height >= first}
        self._known -= self._stale

    def lacking(self, index: DayIndex, instants: list[int]) -> list[int]:
        """The last blocks of days whose balance was neither told nor refused by all who could know it, and those before
        whose balance was told of a block that was made anew."""
        if self._account is None:
            return []
        brackets = [index.bracket(instant) for instant in instants]
        ends = [before for before, after in brackets if before is not None and after == before + 1 and before >= 0]
        stale = {height for height in self._stale if height < max(ends, default=0)}
        wanted = {*ends, *stale} - self._known
        return sorted(end for end in wanted if any(self._may_know(node, end) for node in self._nodes))

    @property
    def _nodes(self) -> list[Node]:
        """Blockscout's own door knows balances of now only."""
        return [node for node in self._asking.roster.usable if node.endpoint.style != "eth_rpc"]

    def _may_know(self, node: Node, height: int) -> bool:
        return (node.url, height) not in self._refused

    def run(self, ends: list[int]) -> Talk:
        """Newest first, and the first of a node alone: where it lacks the state, it is asked for no more."""
        for node in self._nodes:
            todo = sorted((end for end in ends if self._may_know(node, end)), reverse=True)
            if todo and node.head is None:
                yield from self._asking.introduce(node)
            todo = [end for end in todo if not node.out and end < (node.head or 0)]
            parts = [0, 1, *range(1 + WAVE, len(todo) + WAVE, WAVE)]
            for start, stop in pairwise(parts):
                part = todo[start:stop]
                replies = (yield from self._asking.ask([self._question(node, end) for end in part])) if part else []
                done = {end for end, reply in zip(part, replies, strict=True) if isinstance(reply, Answer)}
                ends = [end for end in ends if end not in done]
                if len(done) < len(part):
                    break

    def _question(self, node: Node, end: int) -> rpc.Request:
        """The balance between the headers that make its block the last of a day, where a node takes batches."""
        balance = rpc.balance_call(self._account or "", end)
        batch = [rpc.header_call(end), balance, rpc.header_call(end + 1)]
        return self._asking.request(node, batch if node.most_calls >= len(batch) else [balance])
