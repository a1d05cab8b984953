"""Which blocks make a day: the blocks around each midnight, found by interpolation between headers.

Belongs here: the search itself, over headers that are known. Nothing is asked here.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from math import isqrt

MOST_CALLS = 6
"""Headers asked for one midnight."""
LATE_STEP, LOPSIDED = 3, 32
"""From this call on, the side that is so many times farther away is worth a longer step past the target. Measured on
simulated chains of 25 s blocks with exponential spacing: 98 of 100 midnights within a quarter of an hour, 88 exact."""
NEAR_SEC = 15 * 60
"""A midnight whose blocks are this close was searched before, as far as that went: it is not searched again."""

Bracket = tuple[int | None, int | None]
"""The last known block before an instant, and the first known one at or after it."""


def midnight_sec(day: date) -> int:
    """The start of a UTC day in seconds since 1970."""
    return int(datetime.combine(day, time(), tzinfo=UTC).timestamp())


def midnights(first: date, last: date) -> list[int]:
    """The starts of the days, and the end of the last one."""
    return [midnight_sec(first + timedelta(days=n)) for n in range((last - first).days + 2)]


class DayIndex:
    """Heights whose times are known, or can be had: `time_of` reads the header of one of `heights` again.

    `floor`: the first block of interest; what lies before its time is before all that is asked for.
    """

    def __init__(self, heights: Iterable[int], time_of: Callable[[int], int | None], floor: int) -> None:
        self._heights = sorted(heights)
        self._time_of = time_of
        self._times: dict[int, int] = {}
        self.floor = floor

    def add(self, height: int, at_sec: int) -> None:
        if height not in self._times and self._heights[self._place(height) :][:1] != [height]:
            insort(self._heights, height)
        self._times[height] = at_sec

    def forget(self, first: int) -> None:
        """Nothing is known any more of this block and those above it."""
        self._heights = self._heights[: self._place(first)]
        self._times = {height: at_sec for height, at_sec in self._times.items() if height < first}

    def knows(self, height: int) -> bool:
        return self._heights[self._place(height) :][:1] == [height]

    def at_sec(self, height: int) -> int:
        """The time of a known block; where its header cannot be read again, the time of the one before it."""
        if height not in self._times:
            place = self._place(height)
            earlier = (self._time_of(self._heights[n]) for n in range(place, -1, -1))
            self._times[height] = next((told for told in earlier if told is not None), 0)
        return self._times[height]

    def bracket(self, instant: int) -> Bracket:
        """The known blocks around an instant. Before the first block of interest nothing needs to be known."""
        low, high = 0, len(self._heights)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self.at_sec(self._heights[middle]) < instant else (low, middle)
        before = self._heights[low - 1] if low else None
        after = self._heights[low] if low < len(self._heights) else None
        if before is None and after is not None and after <= self.floor:
            before = after - 1
        return before, after

    def is_settled(self, instant: int) -> bool:
        """Whether more headers would tell nothing of use."""
        before, after = self.bracket(instant)
        if before is None or after is None:
            return after is None
        return after - before == 1 or self.at_sec(after) - self.at_sec(before) <= NEAR_SEC

    def probe(self, instant: int, step: int) -> int | None:
        """The next height to ask for; None where the blocks around the instant are neighbours, or out of reach.

        Near the target the guess goes past it by what it may be wrong, so that both sides come closer.
        """
        before, after = self.bracket(instant)
        if before is None or after is None or after - before == 1:
            return None
        early, late = self.at_sec(before), self.at_sec(after)
        if late <= early:
            return (before + after) // 2
        share = (instant - early) * (after - before)
        guess = before - (-share // (late - early))
        from_before, from_after = guess - before, after - guess
        near, far = sorted((max(0, from_before), max(0, from_after)))
        error = isqrt(near) * (3 if step >= LATE_STEP and far > LOPSIDED * near else 1) // 2
        if step and error:
            guess += error if from_before < from_after else -error
        return min(max(guess, before + 1), after - 1)

    def _place(self, height: int) -> int:
        return bisect_left(self._heights, height)
