"""The EVM chains of the simulated world: when each block was made, its hash, and how far each chain has come.

Belongs here: facts that follow from a height.
Not here: what bridges did in the blocks (`evm_powpeg`, `evm_rootstock`, `evm_bob`, `evm_merlin`), how nodes print it.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from pipelines.sample.times import instant_of, seconds


@dataclass(frozen=True)
class Mark:
    """A block whose time is known; between two marks blocks are evenly spaced, but for their shifts."""

    height: int
    at: datetime


@dataclass(frozen=True)
class Pace:
    """How a chain makes blocks: its marks, the spacing behind the last one, and shifts smaller than half a spacing.

    `settles_after`: so many blocks behind the head a block is final.
    """

    evm_chain_id: int
    marks: tuple[Mark, ...]
    spacing_sec: int
    most_shift_sec: int
    settles_after: int


PACES = {
    "rootstock": Pace(
        30,
        marks=(
            Mark(0, datetime.fromisoformat("2018-01-02 03:00:00")),  # genesis: rsksmart/rskj
            Mark(5_900_000, datetime.fromisoformat("2023-12-17 18:38:58")),  # assumed: 27 s a block from here on
            Mark(7_434_667, datetime.fromisoformat("2025-04-10 08:39:07")),  # ahmadalkabra/atlas-dashboard: peg-ins
        ),
        spacing_sec=27,
        most_shift_sec=13,
        settles_after=60,
    ),
    "bob": Pace(
        60808,
        marks=(Mark(0, datetime.fromisoformat("2024-04-11 18:59:49")),),  # genesis: bob-collective/bob
        spacing_sec=2,
        most_shift_sec=0,
        settles_after=600,
    ),
    "merlin": Pace(
        4200,
        marks=(Mark(0, datetime.fromisoformat("2024-02-09 00:00:00")),),  # start in DefiLlama/dimension-adapters
        spacing_sec=3,
        most_shift_sec=0,
        settles_after=20,
    ),
}


class EvmChain:
    """Everything about a block follows from its height; `pinned` names blocks whose hash is a published one.

    `pace` is given for a chain that is not among `PACES`.
    """

    def __init__(
        self, chain_id: str, seed: str, pinned: dict[int, str] | None = None, pace: Pace | None = None
    ) -> None:
        self.chain_id = chain_id
        self.pace = pace or PACES[chain_id]
        self._seed = f"{seed}/{chain_id}"
        self._pinned = pinned or {}
        self._heights = [mark.height for mark in self.pace.marks]
        self._times = [seconds(mark.at) for mark in self.pace.marks]
        self._spacings = [
            ((later.at - earlier.at).total_seconds(), later.height - earlier.height)
            for earlier, later in pairwise(self.pace.marks)
        ] + [(self.pace.spacing_sec, 1)]

    @property
    def first_at(self) -> datetime:
        return self.pace.marks[0].at

    def unix_time(self, height: int) -> int:
        """The time in the header, whole seconds, later than that of the block before."""
        n = bisect_right(self._heights, height) - 1
        sec, blocks = self._spacings[n]
        late_sec = 0
        if self.pace.most_shift_sec and height not in self._heights:
            drawn = int.from_bytes(self.digest(height)[:4], "big")
            late_sec = drawn % (2 * self.pace.most_shift_sec + 1) - self.pace.most_shift_sec
        return self._times[n] + int(sec) * (height - self._heights[n]) // blocks + late_sec

    def block_at(self, height: int) -> datetime:
        """The time in the header, naive UTC. Raises `ValueError` for a height below zero."""
        instant = instant_of(str(self.unix_time(height))) if height >= 0 else None
        if instant is None:
            raise ValueError(f"{self.chain_id} has no block {height}")
        return instant

    def height_at(self, instant: datetime) -> int:
        """The newest block whose header is not later than an instant. Raises `ValueError` before the first."""
        second = seconds(instant)
        n = bisect_right(self._times, second) - 1
        if n < 0:
            raise ValueError(f"{self.chain_id} has no block before {self.first_at}")
        sec, blocks = self._spacings[n]
        height = self._heights[n] + (second - self._times[n]) * blocks // int(sec) + 1
        while self.unix_time(height) > second:
            height -= 1
        return height

    def block_hash(self, height: int) -> str:
        return self._pinned.get(height) or f"0x{self.digest(height).hex()}"

    def digest(self, height: int) -> bytes:
        """32 bytes that belong to a block."""
        return hashlib.sha256(f"{self._seed}/{height}".encode()).digest()

    def other_transactions(self, height: int) -> int:
        """How many transactions a block has before those that touch a bridge."""
        return 1 + self.digest(height)[4] % 5

    def other_logs(self, height: int) -> int:
        """How many logs a block has before those of the bridges."""
        return self.digest(height)[5] % 7

    def tx_hash(self, height: int, index: int) -> str:
        return f"0x{hashlib.sha256(f'{self._seed}/{height}/{index}'.encode()).hexdigest()}"
