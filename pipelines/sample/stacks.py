"""The Stacks chain of the simulated world: its blocks, the supply of STX, and the reserve of Stacking DAO.

Belongs here: facts that follow from a height or an instant. At first a Stacks block comes with a Bitcoin block, and
some Bitcoin blocks have none; since Nakamoto one comes every few seconds.
Not here: reward cycles and what they pay (`pox`), transactions (`activity`), and how Hiro shows it (`hiro`).
"""

from __future__ import annotations

import hashlib
import random
from datetime import datetime, timedelta
from decimal import Decimal

from pipelines.sample.anchors import Anchors
from pipelines.sample.assets import Assets
from pipelines.sample.blocks import Blocks
from pipelines.sample.paths import DailyPath
from pipelines.sample.vaults import Vaults

FIRST_BLOCK = 666_050
"""The Bitcoin block at which Stacks began (stacks-core)."""
NAKAMOTO_BLOCK = 867_867
"""The Bitcoin block from which Stacks blocks do not wait for Bitcoin's (assumed)."""
FAST_BLOCK = timedelta(seconds=12)
WITHOUT_BLOCK = 7
"""Before that, one Bitcoin block of so many had no Stacks block (assumed)."""
HEAD, MASK = slice(0, 48), slice(0, 16)
"""Of the 64 digits of a hash, those that are drawn, and those that hide its height in the others."""
STX = Decimal(10) ** 6
STEADY = 0.0


class Stacks:
    """Everything follows from the seed; instants are naive UTC."""

    def __init__(self, anchors: Anchors, assets: Assets, blocks: Blocks, vaults: Vaults, seed: str) -> None:
        self._assets, self._blocks, self._vaults, self._seed = assets, blocks, vaults, f"{seed}/stacks"
        self._locked = DailyPath(anchors.points("stacks.locked"), STEADY, 6, random.Random(seed))
        self._promised_share = DailyPath(
            anchors.points("stacking_dao.promised_share"),
            anchors.number("stacking_dao.promised_volatility"),
            6,
            random.Random(f"{self._seed}/promised"),
        )
        self._fast_at = blocks.header_at(NAKAMOTO_BLOCK)
        self._slow_height = _slow_height(NAKAMOTO_BLOCK)

    def height_at(self, instant: datetime) -> int:
        """The newest Stacks block at an instant."""
        if instant < self._fast_at:
            return _slow_height(self._blocks.newest(instant))
        return self._slow_height + (instant - self._fast_at) // FAST_BLOCK

    def block_at(self, height: int) -> datetime:
        """When a Stacks block was made."""
        if height <= self._slow_height:
            return self._blocks.header_at(_burn_of_slow(height))
        return self._fast_at + (height - self._slow_height) * FAST_BLOCK

    def burn_height(self, height: int) -> int:
        """The Bitcoin block that a Stacks block is anchored to."""
        if height <= self._slow_height:
            return _burn_of_slow(height)
        return self._blocks.newest(self.block_at(height))

    def is_fast(self, height: int) -> bool:
        """Whether a block is one of those that do not wait for Bitcoin's."""
        return height > self._slow_height

    def index_hash(self, height: int) -> str:
        """The hash that names the state after a block: 64 hex digits, from which its height can be told."""
        head = self.digest(f"block/{height}")[HEAD]
        return f"{head}{height ^ int(head[MASK], 16):016x}"

    def height_of(self, index_hash: str) -> int | None:
        """The height of the block with a hash; None for any other text."""
        try:
            height = int(index_hash[HEAD.stop :], 16) ^ int(index_hash[MASK], 16)
        except ValueError:
            return None
        return height if self.index_hash(height) == index_hash else None

    def digest(self, name: str) -> str:
        """64 hex digits that belong to a name."""
        return hashlib.sha256(f"{self._seed}/{name}".encode()).hexdigest()

    def movable_stx(self, instant: datetime) -> Decimal:
        """Whole STX that can move: the supply that markets count."""
        return self._assets.supply("stx", instant)

    def locked_stx(self, instant: datetime) -> Decimal:
        """Whole STX that exist and cannot move yet."""
        return self._locked.at(instant) or Decimal(0)

    def reserve_ustx(self, instant: datetime) -> int | None:
        """All STX of Stacking DAO, in millionths; None before it began."""
        held = self._vaults.held("stacking_dao", "STX", instant)
        return None if held is None else int(held * STX)

    def promised_ustx(self, instant: datetime) -> int | None:
        """What of them is promised to those who leave; None before it began."""
        reserve, share = self.reserve_ustx(instant), self._promised_share.at(instant)
        return None if reserve is None or share is None else int(reserve * share)


def _slow_height(burn_height: int) -> int:
    """How many Stacks blocks there are up to a Bitcoin block, while each has one or none."""
    passed = burn_height - FIRST_BLOCK
    return passed - passed // WITHOUT_BLOCK


def _burn_of_slow(height: int) -> int:
    return FIRST_BLOCK + height + (height - 1) // (WITHOUT_BLOCK - 1)
