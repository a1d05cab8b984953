"""Pages of a list that grows at its head and loses rows to reorganisations: which heights they tell whole.

Belongs here: what pages say about heights, together and alone, and which page to ask for next. Pure arithmetic.
Not here: what stands in the rows, and asking (hiro_rewards.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from pipelines.evm.ranges import Blocks, united, without
from pipelines.feeds.hiro import Page
from pipelines.wire import BodyRefused, Outcome

PAGE = 250
OVERLAP = 20
"""Rows that a page is to have in common with the one before: ten blocks of two rewards."""
MOST_SHIFTS = 5
"""So often a page is asked for again that came too high or too low, before asking ends."""


@dataclass(frozen=True)
class Told:
    """What one page tells: the heights it has whole, how many rows each of them has, and its ends.

    `whole`: first and last height, both included, None where the page has none whole. A height at an end of the page
    may be cut by it: it is whole only at the head of the list. The ends are None where the page is empty.
    """

    whole: Blocks | None
    rows: dict[int, int]
    lowest: int | None
    highest: int | None
    is_head: bool


def told(page: Page, heights: pl.Series) -> Told:
    """What a page tells. Raises `BodyRefused` where it does not come down from the newest height."""
    is_head = page.offset == 0
    if heights.is_empty():
        return Told(None, {}, None, None, is_head)
    if heights.has_nulls() or not heights.is_sorted(descending=True):
        raise BodyRefused(Outcome.LAYOUT_CHANGED, "the heights of the page do not come down from the newest one")
    highest, lowest = heights[0], heights[-1]
    whole = (lowest + 1, highest if is_head else highest - 1)
    if whole[0] > whole[1]:
        return Told(None, {}, lowest, highest, is_head)
    rows = {height: rows for height, rows in heights.value_counts().rows() if whole[0] <= height <= whole[1]}
    return Told(whole, rows, lowest, highest, is_head)


@dataclass
class Known:
    """What all pages together tell, the later ones last. `top`: the newest height of the list."""

    ranges: list[Blocks] = field(default_factory=list)
    rows: dict[int, int] = field(default_factory=dict)
    top: int | None = None

    def add(self, page: Told) -> None:
        if page.whole is not None:
            first, last = page.whole
            for height in range(first, last + 1):
                self.rows.pop(height, None)
            self.rows |= page.rows
            self.ranges = united([*self.ranges, page.whole])
        if page.is_head:
            self.top = page.highest

    def forget(self, blocks: int) -> None:
        """The newest heights are not known any more: a reorganisation may have changed them."""
        if self.ranges:
            newest = self.ranges[-1][1]
            self.ranges = list(without(self.ranges, [(newest - blocks + 1, newest)]))

    def gap(self, floor: int) -> int | None:
        """The highest height from the floor to the head of the list that no page tells; None where all are told."""
        if self.top is None or floor > self.top:
            return None
        gaps = list(without([(floor, self.top)], self.ranges))
        return gaps[-1][1] if gaps else None

    def offset_of(self, height: int) -> int:
        """Where the page begins that has this height, if the list is as it was: after the rows above it."""
        above = sum(rows for known, rows in self.rows.items() if known > height)
        return max(0, above - OVERLAP)


def shifted(offset: int, page: Told, height: int) -> int:
    """Where to ask again after a page that came without this height whole: further down or further up."""
    is_above = page.lowest is not None and page.lowest >= height
    return offset + PAGE - OVERLAP if is_above else max(0, offset - PAGE + OVERLAP)
