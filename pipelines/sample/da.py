"""What data costs on the simulated base layers: Celestia day by day, Ethereum block by block, Bitcoin day by day.

Belongs here: bytes, blobs, fees and prices; on Celestia those of each rollup, and the network as the sum of all.
Not here: how Celenium, nodes and mempool.space show it (`celenium`, `ethereum_node`, `mempool_fees`).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache

from pipelines.sample.anchors import Anchors
from pipelines.sample.evm_chains import EvmChain, Mark, Pace
from pipelines.sample.paths import DAY, DailyPath
from pipelines.sample.times import midnight

GAS_PER_BYTE, SHARE_BYTES, USABLE_SHARE_BYTES, FIXED_GAS = 8, 512, 482, 65_000
"""Celestia's rule for the gas of a blob (celestia-app)."""
OTHER_TRANSACTION_GAS = 90_000
"""Of a transaction without blobs (assumed)."""
SIZE_SPREAD = 0.25
ROLLUP, REST = "celestia_rollup.", "the rest"
SILENT_DAYS = 9
"""The smallest rollup posts nothing on one day of so many (assumed)."""
CANCUN_BLOCK, CANCUN_AT = 19_426_587, datetime.fromisoformat("2024-03-13 13:55:35")
"""The first block with blobs; the time is that of its slot, the height is assumed."""
ETHEREUM = Pace(
    1,
    marks=(
        Mark(0, datetime.fromisoformat("2015-07-30 15:26:13")),
        Mark(15_537_394, datetime.fromisoformat("2022-09-15 06:42:59")),
        Mark(CANCUN_BLOCK, CANCUN_AT),
        Mark(21_525_891, datetime.fromisoformat("2025-01-01 00:00:00")),
    ),
    spacing_sec=12,
    most_shift_sec=0,
    settles_after=64,
)
"""Genesis and the merge as they were; the height of 2025's first block is assumed."""
BLOCKS_PER_LEVEL = 300
HOURLY_SWING, BLOCK_SWING = 0.25, 0.05
"""So much fees follow the hour of the day, and differ from one block to the next (assumed)."""
GWEI = 10**9
BASE_FEE_STEP, BLOB_FEE_STEP = 8, 3_338_477 / 786_432
"""How fast fees follow use: EIP-1559, EIP-4844."""


@dataclass(frozen=True)
class DaDay:
    """What was posted on one UTC day. Fees are in utia; a rollup has no `transactions` of its own."""

    blob_bytes: int
    blobs: int
    fee: int
    transactions: int


class Celestia:
    """Every day of the layer from its first; `rollups` are those that post to it, the largest first."""

    def __init__(self, anchors: Anchors, seed: str) -> None:
        self._seed = f"{seed}/celestia"
        self._bytes, self._gas_price, self._others = (
            DailyPath(
                anchors.points(f"celestia.{name}"),
                anchors.number("celestia.volatility"),
                places,
                random.Random(f"{self._seed}/{name}"),
            )
            for name, places in (("blob_bytes", 0), ("gas_price", 9), ("other_transactions", 0))
        )
        self._shares = {row.series.removeprefix(ROLLUP): row for row in anchors.rows if row.series.startswith(ROLLUP)}
        self._sizes = {name: int(anchors.number(f"celestia_blob.{name}")) for name in [*self._shares, REST]}
        self.rollups = list(self._shares)
        self.first_on = self._bytes.first_at.date()
        self.of_rollup = cache(self._of_rollup)
        self.network = cache(self._network)

    def first_blob_on(self, rollup: str) -> date:
        return max(self._shares[rollup].on, self.first_on)

    def gas_price(self, day: date) -> Decimal:
        """Mean of a day, utia per gas."""
        return self._gas_price.at(midnight(day)) or Decimal(0)

    def _of_rollup(self, rollup: str, day: date) -> DaDay:
        """What one rollup posted; nothing on the days before its first blob, and now and then."""
        drawn = random.Random(f"{self._seed}/{rollup}/{day}")
        is_silent = rollup == self.rollups[-1] and not drawn.randrange(SILENT_DAYS)
        if is_silent or day < self.first_blob_on(rollup):
            return DaDay(0, 0, 0, 0)
        share = float(self._shares[rollup].value) * math.exp(SIZE_SPREAD * drawn.gauss(0, 1))
        return self._posted(rollup, int(float(self._bytes.at(midnight(day)) or 0) * share), day)

    def _network(self, day: date) -> DaDay:
        listed = [self.of_rollup(rollup, day) for rollup in self.rollups]
        left = 1 - float(sum(row.value for row in self._shares.values()))
        rest = self._posted(REST, int(float(self._bytes.at(midnight(day)) or 0) * left), day)
        others = int(self._others.at(midnight(day)) or 0)
        other_fee = int(others * OTHER_TRANSACTION_GAS * self.gas_price(day))
        parts = [*listed, rest]
        blobs = sum(part.blobs for part in parts)
        return DaDay(
            blob_bytes=sum(part.blob_bytes for part in parts),
            blobs=blobs,
            fee=sum(part.fee for part in parts) + other_fee,
            transactions=blobs + others,
        )

    def _posted(self, rollup: str, blob_bytes: int, day: date) -> DaDay:
        """Blobs of one size, each paid for by a transaction of its own."""
        blobs = -(-blob_bytes // self._sizes[rollup])
        shares = blob_bytes // USABLE_SHARE_BYTES + blobs
        gas = blobs * FIXED_GAS + shares * SHARE_BYTES * GAS_PER_BYTE
        return DaDay(blob_bytes, blobs, int(gas * self.gas_price(day)), 0)


class EthereumFees:
    """What gas costs in each block, and since Cancun blob gas. Use follows from the fee of the next block."""

    def __init__(self, anchors: Anchors, seed: str) -> None:
        self.chain = EvmChain("ethereum", seed, pace=ETHEREUM)
        self._levels = cache(self._level)
        self._base, self._blob = (
            DailyPath(
                anchors.points(f"ethereum.{name}"),
                anchors.number("ethereum.fee_volatility"),
                0,
                random.Random(f"{seed}/ethereum/{name}"),
            )
            for name in ("base_fee", "blob_base_fee")
        )

    def has_blobs(self, height: int) -> bool:
        return height >= CANCUN_BLOCK

    def base_fee_wei(self, height: int) -> int:
        return int(self._smooth(height, is_blob=False) * (1 + BLOCK_SWING * _wobble(height)))

    def blob_base_fee_wei(self, height: int) -> int:
        """At least 1 wei; 0 before there were blobs."""
        return max(1, int(self._smooth(height, is_blob=True))) if self.has_blobs(height) else 0

    def gas_used_ratio(self, fee: int, next_fee: int) -> float:
        return _share(0.5 + BASE_FEE_STEP / 2 * (next_fee / fee - 1))

    def blob_gas_used_ratio(self, height: int, fee: int, next_fee: int) -> float:
        """Between a sixth and a half of the room where the fee stays at its least."""
        if not fee:
            return 0.0
        if fee == next_fee == 1:
            return (1 + int(1.5 + 1.5 * _wobble(height))) / 6
        return _share(0.5 + BLOB_FEE_STEP * math.log(next_fee / fee))

    def _smooth(self, height: int, *, is_blob: bool) -> float:
        part, rest = divmod(height, BLOCKS_PER_LEVEL)
        before, after = self._levels(part, is_blob), self._levels(part + 1, is_blob)
        return before + (after - before) * rest / BLOCKS_PER_LEVEL

    def _level(self, part: int, is_blob: bool) -> float:
        """The fee around a block, before what sets it apart from others of its hour."""
        path = self._blob if is_blob else self._base
        at = max(self.chain.block_at(part * BLOCKS_PER_LEVEL), path.first_at)
        swing = 1 + HOURLY_SWING * math.cos((at.hour - 15) / 24 * 2 * math.pi)
        return float(path.at(min(at, path.first_at + (len(path.daily) - 1) * DAY)) or 0) * swing


class BitcoinFees:
    """What transactions pay for block space, day by day."""

    def __init__(self, anchors: Anchors, seed: str) -> None:
        volatility = anchors.number("bitcoin.feerate_volatility")
        self._median = DailyPath(anchors.points("bitcoin.feerate"), volatility, 2, random.Random(f"{seed}/feerate"))
        self.first_on = self._median.first_at.date()

    def median(self, day: date) -> Decimal:
        """Satoshis per virtual byte, the mean of the medians of a day's blocks."""
        return self._median.at(midnight(day)) or Decimal(0)


def days_until(first: date, at: datetime) -> Sequence[date]:
    """The days from one on to that of an instant, which may not be over."""
    return [first + timedelta(days=n) for n in range((at.date() - first).days + 1)]


def part_of_day(day: date, at: datetime) -> float:
    """How much of a day is past."""
    return min(1.0, (at - midnight(day)) / DAY)


def _wobble(height: int) -> float:
    """From -1 to 1, as if drawn for a block."""
    return (height * 2_654_435_761 % 2**32) / 2**31 - 1


def _share(ratio: float) -> float:
    return min(1.0, max(0.0, ratio))
