"""Proof of Transfer in the simulated world: who stacks STX in each reward cycle, and what stackers are paid in bitcoin.

Belongs here: facts that follow from a cycle. Miners bid for the STX of a block, so what they pay follows the prices of
STX and bitcoin; the two slots of a Bitcoin block go to stackers by what they stacked, and slots that nobody holds
burn. Once a reorganisation takes rewards away.
Not here: the Stacks chain (`stacks`), and how Hiro shows it (`hiro`).
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from pipelines.sample.anchors import Anchors
from pipelines.sample.assets import Assets
from pipelines.sample.blocks import LEADING_ZEROS, Blocks
from pipelines.sample.paths import DailyPath
from pipelines.sample.stacks import FIRST_BLOCK, STX, Stacks
from pipelines.sample.times import midnight
from pipelines.sample.world import LAST_DAY

CYCLE_BLOCKS, PREPARE_BLOCKS = 2_100, 100
"""Mainnet's constants, in Bitcoin blocks (stacks-core)."""
PAYING_BLOCKS = CYCLE_BLOCKS - PREPARE_BLOCKS
FIRST_CYCLE = 72
SLOTS_PER_BLOCK = 2
SLOTS = SLOTS_PER_BLOCK * PAYING_BLOCKS
SLOT_STEP_USTX = 10_000 * int(STX)
"""The price of a slot is a whole number of these (SIP-007)."""
COINBASE_STX = 1_000
"""What a block earned its miner before fees (SIP-001)."""
UNPAID = 61
"""In one Bitcoin block of so many no miner bids, so that nobody is paid (assumed)."""
BLOCKS_PER_BID = 144
"""Miners look at the prices once in so many blocks."""
LEAST_BID, MOST_BID = 0.55, 1.45
"""One block is paid so much less or more than others of its day (assumed)."""
FORK_AT, REORGANISED_AT = datetime.fromisoformat("2024-06-28 13:15"), datetime.fromisoformat("2024-06-28 18:00")
"""Between these, the newest Bitcoin blocks were others. The first of them paid; the one in its place does not."""
SIGNERS_AT_FIRST, CYCLES_PER_SIGNER = 30, 3
SIZE_SPREAD = 0.12
STACKED_SHARE = Decimal("0.96")
"""What Stacking DAO stacks of its reserve (assumed)."""
SATS = 10**8
POOL_ADDRESS = "bc1qeagslq8gm4ylmgxf9ngx24mnwffsqnprrsjc0n"
"""Where Stacking DAO's pool is paid."""
BECH32, C32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l", "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""The letters of Bitcoin's and of Stacks' addresses; those of this world have no true checksum."""


@dataclass(frozen=True)
class Signer:
    """One signer in one cycle; all that it earns goes to one Bitcoin address."""

    key: str
    stacks_address: str
    bitcoin_address: str
    stacked_ustx: int
    slots: int
    solo: int
    pooled: int


class Reward(NamedTuple):
    """One payment; `burn_sats` is what its whole block burned."""

    height: int
    block_hash: str
    index: int
    recipient: str
    sats: int
    burn_sats: int


class Pox:
    """A cycle is drawn when it is first asked for."""

    def __init__(self, anchors: Anchors, assets: Assets, blocks: Blocks, stacks: Stacks, seed: str) -> None:
        self._assets, self._blocks, self._stacks, self._seed = assets, blocks, stacks, f"{seed}/pox"
        volatility = anchors.number("pox.volatility")
        self._stacked, self._bid_share = (
            DailyPath(anchors.points(f"pox.{name}"), volatility, 6, random.Random(f"{self._seed}/{name}"))
            for name in ("stacked", "bid_share")
        )
        self._fork = range(blocks.newest(FORK_AT) + 1, blocks.newest(REORGANISED_AT) + 1)
        self.signers = cache(self._signers)
        self.rewards = cache(self._rewards)
        self._slots = cache(self._slots_of)
        self._bid_sats = cache(self._bid_of)

    def signed_at(self, cycle: int) -> datetime:
        """When it was fixed who stacks in a cycle: as the prepare phase before it begins."""
        return self._blocks.header_at(first_paying(cycle) - PREPARE_BLOCKS)

    def stacked_ustx(self, cycle: int) -> int:
        """What all signers of a cycle stack together."""
        return sum(signer.stacked_ustx for signer in self.signers(cycle))

    def min_slot_ustx(self, cycle: int) -> int:
        """The price of a slot: all that is stacked over all slots, rounded up."""
        return -(-self._total_ustx(cycle) // (SLOTS * SLOT_STEP_USTX)) * SLOT_STEP_USTX

    def is_forked(self, instant: datetime) -> bool:
        """Whether the newest blocks are those that a reorganisation will take away."""
        return FORK_AT <= instant < REORGANISED_AT

    def fork(self) -> list[Reward]:
        """What the blocks paid that are gone, the oldest first."""
        hashes = {h: "0" * LEADING_ZEROS + self._stacks.digest(f"fork/{h}")[LEADING_ZEROS:] for h in self._fork}
        return [reward for height, one in hashes.items() for reward in self._paid(height, one)]

    def _rewards(self, cycle: int) -> list[Reward]:
        """What the blocks of a cycle pay, the oldest first."""
        first = first_paying(cycle)
        return [
            reward
            for height in range(first, first + PAYING_BLOCKS)
            if height != self._fork[0]
            for reward in self._paid(height, self._blocks.block_hash(height))
        ]

    def _paid(self, height: int, block_hash: str) -> Iterator[Reward]:
        drawn = int(block_hash[-8:], 16)
        if drawn % UNPAID == 0 and height != self._fork[0]:
            return
        cycle, place = divmod(height - FIRST_BLOCK, CYCLE_BLOCKS)
        spread = LEAST_BID + (MOST_BID - LEAST_BID) * drawn / 2**32
        sats = int(self._bid_sats(height // BLOCKS_PER_BID) * spread) // SLOTS_PER_BLOCK
        payees = [one for one in self._slots(cycle)[(place - 1) * SLOTS_PER_BLOCK : place * SLOTS_PER_BLOCK] if one]
        burn_sats = sats * (SLOTS_PER_BLOCK - len(payees))
        for index, payee in enumerate(payees):
            yield Reward(height, block_hash, index, payee, sats, burn_sats)

    def _slots_of(self, cycle: int) -> list[str]:
        """Who is paid in each slot of a cycle, in the order of blocks; nobody where the text is empty."""
        slots = [signer.bitcoin_address for signer in self.signers(cycle) for _ in range(signer.slots)]
        slots += [""] * (SLOTS - len(slots))
        random.Random(f"{self._seed}/slots/{cycle}").shuffle(slots)
        return slots

    def _bid_of(self, part: int) -> float:
        """Satoshis that are bid for a block, before what sets one block apart from the next."""
        at = self._known_at(self._blocks.header_at(part * BLOCKS_PER_BID))
        ratio = self._assets.price_usd("stx", at) / self._assets.price_usd("btc", at)
        return float(COINBASE_STX * ratio * (self._bid_share.at(at) or 0) * SATS)

    def _total_ustx(self, cycle: int) -> int:
        return int((self._stacked.at(self._known_at(self.signed_at(cycle))) or 0) * STX)

    def _known_at(self, instant: datetime) -> datetime:
        """The instant, or the nearest one of which this world knows prices."""
        return min(max(instant, self._stacked.first_at), midnight(LAST_DAY))

    def _signers(self, cycle: int) -> tuple[Signer, ...]:
        """All signers of a cycle; the first is the pool of Stacking DAO."""
        total, slot_ustx = self._total_ustx(cycle), self.min_slot_ustx(cycle)
        pool = int((self._stacks.reserve_ustx(self._known_at(self.signed_at(cycle))) or 0) * STACKED_SHARE)
        dice = random.Random(f"{self._seed}/signers/{cycle}")
        ranks = range(1, SIGNERS_AT_FIRST + (cycle - FIRST_CYCLE) // CYCLES_PER_SIGNER)
        sizes = [math.exp(dice.gauss(0, SIZE_SPREAD)) / rank for rank in ranks]
        stacked = [pool, *(int((total - pool) * (size / sum(sizes))) for size in sizes)]
        return tuple(self._signer(number, ustx, ustx // slot_ustx, dice) for number, ustx in enumerate(stacked) if ustx)

    def _signer(self, number: int, stacked_ustx: int, slots: int, dice: random.Random) -> Signer:
        digest = self._stacks.digest(f"signer/{number}")
        return Signer(
            key=f"0{2 + number % 2}{digest}",
            stacks_address=f"SP{_letters(C32, digest)}",
            bitcoin_address=f"bc1q{_letters(BECH32, digest)}" if number else POOL_ADDRESS,
            stacked_ustx=stacked_ustx,
            slots=slots,
            solo=dice.randint(0, 9),
            pooled=dice.randint(20, 900),
        )


def cycle_of(burn_height: int) -> int:
    """The cycle that a Bitcoin block counts to."""
    return (burn_height - FIRST_BLOCK) // CYCLE_BLOCKS


def first_paying(cycle: int) -> int:
    """The first Bitcoin block of a cycle that pays."""
    return FIRST_BLOCK + cycle * CYCLE_BLOCKS + 1


def _letters(alphabet: str, digest: str) -> str:
    """38 letters."""
    number = int(digest, 16)
    return "".join(alphabet[number >> 5 * n & 31] for n in range(38))
