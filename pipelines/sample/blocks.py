"""The Bitcoin chain of the simulated world: when each block was found, its hash, and the coins issued by it.

Belongs here: facts that follow from a height. A block comes every ten minutes, more or less, so headers are in the
order of heights; in the real chain they need not be.
Not here: who asks, and for what.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from decimal import Decimal

from pipelines.sample.anchors import Anchors

HALVING_HEIGHT = 840_000
HALVING_AT = datetime.fromisoformat("2024-04-20 00:09:27")
"""The header of block 840,000, the one block of which the time is not drawn."""
HALVING_INTERVAL = 210_000
FIRST_SUBSIDY_SATS = 50 * 100_000_000
MOST_SHIFT_SEC = 290
"""A block is at most so much early or late: less than half of the spacing, so that no two change places."""
LEADING_ZEROS = 19
SECOND = timedelta(seconds=1)


class Blocks:
    """Everything about a block follows from its height."""

    def __init__(self, anchors: Anchors, seed: str) -> None:
        self._spacing_sec = int(anchors.number("btc.block_spacing"))
        self._seed = seed

    def header_at(self, height: int) -> datetime:
        """The time in the header, naive UTC, whole seconds."""
        shift_sec = int(self._digest(height)[:8], 16) % (2 * MOST_SHIFT_SEC + 1) - MOST_SHIFT_SEC
        late_sec = shift_sec if height != HALVING_HEIGHT else 0
        return HALVING_AT + timedelta(seconds=(height - HALVING_HEIGHT) * self._spacing_sec + late_sec)

    def newest(self, instant: datetime) -> int:
        """The height of the newest block whose header is not later than an instant."""
        height = HALVING_HEIGHT + (instant - HALVING_AT) // SECOND // self._spacing_sec + 1
        while self.header_at(height) > instant:
            height -= 1
        return height

    def block_hash(self, height: int) -> str:
        """64 hex digits that begin with zeros."""
        return "0" * LEADING_ZEROS + self._digest(height)[LEADING_ZEROS:]

    def issued_btc(self, height: int) -> Decimal:
        """Coins that the subsidy rule allows up to and with a block, whole satoshis."""
        issued_sats, subsidy_sats, left = 0, FIRST_SUBSIDY_SATS, height + 1
        while left > 0:
            issued_sats += min(left, HALVING_INTERVAL) * subsidy_sats
            left -= HALVING_INTERVAL
            subsidy_sats //= 2
        return Decimal(issued_sats).scaleb(-8)

    def _digest(self, height: int) -> str:
        return hashlib.sha256(f"{self._seed}/block/{height}".encode()).hexdigest()
