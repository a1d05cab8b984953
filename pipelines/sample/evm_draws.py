"""Dice of the simulated bridges: when somebody uses one, with how much, and who.

Belongs here: drawing from the figures of `anchors.csv`.
Not here: what a bridge makes of it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import date, timedelta

from pipelines.sample.anchors import Anchors
from pipelines.sample.evm_chains import EvmChain
from pipelines.sample.times import midnight

COIN_SATS = 10**8
WEI_PER_SAT = 10**10
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
BECH32_DIGITS = 38
LAST_DAY = date(2025, 1, 31)


class Draws:
    """One kind of transfer over a bridge: `series` a day, `series`_median each, by one of so many accounts."""

    def __init__(self, chain: EvmChain, anchors: Anchors, seed: str, series: str, accounts: int = 500) -> None:
        self.dice = random.Random(f"{seed}/{series}")
        self._chain = chain
        self._per_day = anchors.points(f"{series}.per_day")
        self._median = next((point.value for point in anchors.points(f"{series}.median")), None)
        self._spread = anchors.number("bridges.amount_spread")
        self._accounts = [self.dice.getrandbits(160) for _ in range(accounts)]

    def heights(self) -> Iterator[int]:
        """Blocks in order, as many a day as the anchor in force says on average; one may come twice."""
        ends = [*(point.on for point in self._per_day[1:]), LAST_DAY + timedelta(days=1)]
        for point, end in zip(self._per_day, ends, strict=True):
            first, last = (self._chain.height_at(midnight(day)) for day in (point.on, end))
            wanted = (end - point.on).days * float(point.value)
            height = float(first)
            while (height := height + self.dice.expovariate(wanted / (last - first))) <= last:
                yield int(height)

    def sats(self, least: int, most: int) -> int:
        """An amount around the median, most of them small."""
        return min(max(int(self.amount() * COIN_SATS), least), most)

    def amount(self) -> float:
        """The same in whole coins, without bounds. Raises `ValueError` where no median is known."""
        if self._median is None:
            raise ValueError("anchors.csv has no median for this kind of transfer")
        return float(self._median) * math.exp(self._spread * self.dice.gauss(0, 1))

    def account(self) -> int:
        """Some come often, most seldom."""
        return self._accounts[int(len(self._accounts) * self.dice.random() ** 2)]

    def word(self) -> int:
        """A hash of something outside of this world."""
        return self.dice.getrandbits(256)

    def later(self, height: int, least: int, most: int) -> int:
        """A block so many blocks after another."""
        return height + self.dice.randint(least, most)


def bitcoin_address(account: int) -> str:
    """The address of an account on Bitcoin, in the letters of a real one (its checksum is none)."""
    return "bc1q" + "".join(BECH32[(account >> 4 * n) & 31] for n in range(BECH32_DIGITS))
