"""The calendar of Proof of Transfer: which Bitcoin blocks belong to which reward cycle.

Belongs here: arithmetic on heights of Bitcoin blocks, for the feeds that have to know where a cycle begins.
Not here: what was paid or stacked in a cycle, and the bounds in the marts (SQL, from `PoxInfo`).
Source: https://github.com/stacks-network/stacks-core (stackslib/src/burnchains/mod.rs, core/mod.rs)
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PoxCalendar:
    """Mainnet's constants, all in Bitcoin blocks; `PoxInfo` holds what a node says of them.

    Of the blocks of a cycle the first `cycle_blocks - prepare_blocks` pay stackers, the others burn. The block at the
    boundary to the next cycle still burns, although its number counts as the next cycle's.
    """

    first_block: int = 666_050
    cycle_blocks: int = 2_100
    prepare_blocks: int = 100

    def cycle_of(self, height: int) -> int:
        """The cycle that a block counts to."""
        return (height - self.first_block) // self.cycle_blocks

    def first_reward_block(self, cycle: int) -> int:
        """The first block of a cycle that pays stackers."""
        return self.first_block + cycle * self.cycle_blocks + 1

    def last_reward_block(self, cycle: int) -> int:
        """The last block of a cycle that pays stackers."""
        return self.first_block + (cycle + 1) * self.cycle_blocks - self.prepare_blocks

    def next_boundary(self, cycle: int) -> int:
        """The block at which the next cycle begins."""
        return self.first_block + (cycle + 1) * self.cycle_blocks


MAINNET = PoxCalendar()
