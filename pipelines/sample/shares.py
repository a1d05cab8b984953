"""Shares of the simulated funds: how much bitcoin stands behind one.

Belongs here: bitcoin per share, which falls by the sponsor's fee, by what a fund gives away, and by splits.
Not here: the coins themselves (`world`), and who prints shares.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from pipelines.sample.anchors import Anchors

DAYS_PER_YEAR = 365


@dataclass(frozen=True)
class Split:
    """From a day on, each share of a fund is so many."""

    fund_id: str
    on: date
    ratio: Decimal


class Shares:
    """Bitcoin per share of every fund, from the anchors and the splits of the seeds."""

    def __init__(self, anchors: Anchors, splits: list[Split]) -> None:
        self._anchors = anchors
        self._splits = splits

    def btc_per_share(self, fund_id: str, on: date, counted_on: date | None = None) -> Decimal:
        """Bitcoin behind a share on a day, in the shares of that day or of a later one, after splits."""
        start = self._anchors.only(f"{fund_id}.btc_per_share")
        fee_pct = self._anchors.only(f"{fund_id}.fee").value
        kept = (1 - fee_pct / 100 / DAYS_PER_YEAR) ** (on - start.on).days
        for given in self._anchors.points(f"{fund_id}.spin_off_share"):
            kept *= 1 - given.value if given.on <= on else 1
        for split in self._splits:
            if split.fund_id == fund_id and split.on <= (counted_on or on):
                kept /= split.ratio
        return start.value * kept


def splits_of(seeds: Path) -> list[Split]:
    """The splits of `seeds.corporate_actions`, reverse ones have a ratio below 1."""
    with (seeds / "corporate_actions.csv").open(encoding="utf-8", newline="") as file:
        return [
            Split(row["fund_id"], date.fromisoformat(row["effective_on"]), Decimal(row["ratio"]))
            for row in csv.DictReader(file)
            if row["event"] in {"split", "reverse_split"}
        ]
