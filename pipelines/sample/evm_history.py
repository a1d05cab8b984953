"""All that happened on the EVM chains of the simulated world: logs in the order of their blocks, and balances.

Belongs here: placing the bridges' transactions in blocks, and finding logs by range and filter.
Not here: what the bridges do (one module each), and how nodes print it (`evm_node`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pipelines.sample.anchors import Anchors
from pipelines.sample.evm_abi import Log, Transaction
from pipelines.sample.evm_bob import BobBridges
from pipelines.sample.evm_chains import EvmChain
from pipelines.sample.evm_merlin import MerlinBridge
from pipelines.sample.evm_powpeg import BRIDGE as PEG_ACCOUNT
from pipelines.sample.evm_powpeg import PowPeg
from pipelines.sample.evm_rootstock import RootstockBridges

Wanted = Sequence[frozenset[str] | None]
"""The topics of a filter by their place; None where any will do."""


class Placed(NamedTuple):
    """A log and its place in the chain."""

    height: int
    tx_index: int
    log_index: int
    log: Log


class History:
    """Everything is drawn at the start; asking changes nothing, so threads may share it."""

    def __init__(self, chain: EvmChain, anchors: Anchors, seed: str) -> None:
        self.chain = chain
        self._powpeg = PowPeg(chain, anchors, seed) if chain.chain_id == "rootstock" else None
        transactions = sorted(self._transactions(anchors, seed), key=lambda one: one.height)
        self._bridged = Counter(one.height for one in transactions)
        self._placed = list(_placed(chain, transactions))
        self._heights = [placed.height for placed in self._placed]

    def _transactions(self, anchors: Anchors, seed: str) -> list[Transaction]:
        if self._powpeg:
            return [*self._powpeg.transactions, *RootstockBridges(self.chain, anchors, seed).transactions]
        bridges = BobBridges if self.chain.chain_id == "bob" else MerlinBridge
        return bridges(self.chain, anchors, seed).transactions

    def logs(self, first: int, last: int, addresses: frozenset[str], topics: Wanted) -> Iterator[Placed]:
        """The logs of a range of blocks that a filter lets through, oldest first; no address: all of them."""
        for n in range(bisect_left(self._heights, first), bisect_right(self._heights, last)):
            placed = self._placed[n]
            if (not addresses or placed.log.address in addresses) and _fits(placed.log.topics, topics):
                yield placed

    def transaction_count(self, height: int) -> int:
        """How many transactions a block has; the last one of Rootstock's pays the miner."""
        return self.chain.other_transactions(height) + self._bridged[height] + bool(self._powpeg)

    def balance_wei(self, account: str, height: int) -> int:
        """What an account holds after a block: only that of the peg holds anything."""
        return self._powpeg.balance_wei(height) if self._powpeg and account == PEG_ACCOUNT else 0


def _placed(chain: EvmChain, transactions: Iterable[Transaction]) -> Iterator[Placed]:
    height = tx_index = log_index = -1
    for transaction in transactions:
        if transaction.height != height:
            height = transaction.height
            tx_index, log_index = chain.other_transactions(height) - 1, chain.other_logs(height)
        tx_index += 1
        for log in transaction.logs:
            yield Placed(height, tx_index, log_index, log)
            log_index += 1


def _fits(topics: tuple[str, ...], wanted: Wanted) -> bool:
    return len(topics) >= len(wanted) and all(
        some is None or one in some for one, some in zip(topics, wanted, strict=False)
    )
