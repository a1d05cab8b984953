"""The fixed points of the simulated world, read from `anchors.csv`.

Belongs here: reading the file. Every figure there names the publication it comes from, or says `assumed`;
no figure that the warehouse is to recompute is among them.
Not here: what the world makes of them.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

ANCHORS_FILE = Path(__file__).with_name("anchors.csv")


@dataclass(frozen=True)
class Anchor:
    """One row: the value of a series from (or on) a day."""

    series: str
    on: date
    value: Decimal
    unit: str
    source: str


class Anchors:
    """All rows of the file, by series."""

    def __init__(self, path: Path = ANCHORS_FILE) -> None:
        with path.open(encoding="utf-8", newline="") as file:
            self.rows = [_anchor(row) for row in csv.DictReader(file)]
        self._points: dict[str, list[Anchor]] = {}
        for row in sorted(self.rows, key=lambda row: row.on):
            self._points.setdefault(row.series, []).append(row)

    def points(self, series: str) -> list[Anchor]:
        """The rows of a series, oldest first; none where the file does not know it."""
        return self._points.get(series, [])

    def only(self, series: str) -> Anchor:
        """The row of a series that has exactly one. Raises `KeyError` otherwise."""
        points = self.points(series)
        if len(points) != 1:
            raise KeyError(f"anchors.csv has {len(points)} rows of {series}, one is wanted")
        return points[0]

    def number(self, series: str) -> float:
        """The value of a one-row series as a float: for parameters of behaviour."""
        return float(self.only(series).value)


def _anchor(row: dict[str, str]) -> Anchor:
    on, value = date.fromisoformat(row["on"]), Decimal(row["value"])
    return Anchor(row["series"], on, value, row["unit"], row["source"])
