"""mempool.space's fee rates of blocks in the simulated world: one point a day as JSON, as bytes.

Belongs here: the layout of the answer; the day of asking has a point too, of the blocks that there are.
Not here: what is true (`da`, `blocks`), heights and addresses (`mempool`), and reading such an answer.
Layout: the service's own documentation.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pipelines.sample.blocks import Blocks
from pipelines.sample.da import BitcoinFees, days_until
from pipelines.sample.exchange import Asked, Page, as_json
from pipelines.sample.paths import DAY
from pipelines.sample.times import midnight, seconds

PLACE = "GET mempool.space/api/v1/mining/blocks/fee-rates/all"
RATES = {"avgFee_0": 0.3, "avgFee_10": 0.7, "avgFee_25": 0.85, "avgFee_50": 1, "avgFee_75": 1.3, "avgFee_90": 1.9}
"""Percentiles of a block, as parts of its median (assumed)."""
GREATEST = 18


class MempoolFees:
    """The service's history of fee rates, which begins with this world."""

    def __init__(self, fees: BitcoinFees, blocks: Blocks) -> None:
        self._fees, self._blocks = fees, blocks

    def answer(self, asked: Asked) -> Page | None:
        if asked.line != PLACE:
            return None
        return as_json([self._point(day, asked.at) for day in days_until(self._fees.first_on, asked.at)])

    def _point(self, day: date, at: datetime) -> dict[str, Any]:
        """Mean height and time of a day's blocks; rates are whole numbers."""
        first, last = (self._blocks.newest(min(midnight(day + n * DAY), at)) for n in (0, 1))
        middle = (first + 1 + last) // 2
        median = float(self._fees.median(day))
        return {
            "avgHeight": middle,
            "timestamp": seconds(self._blocks.header_at(middle)),
            **{name: round(median * part) for name, part in RATES.items()},
            "avgFee_100": round(median * GREATEST),
        }
