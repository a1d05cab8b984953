"""How many blocks to ask for at once: what an endpoint allows, how dense the logs are, and what is still to ask.

Belongs here: arithmetic of block ranges; nothing is asked here, and nothing is read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from statistics import median

from pipelines.evm.calls import LogFilter

CUSTOMARY = (5, 10, 50, 100, 500, 800, 1000, 1024, 2000, 2048, 3000, 3500, 5000, 10_000, 20_000, 50_000, 100_000)
"""Ranges that providers allow."""
WORTH_A_REFUSAL = 2
"""A larger range is tried where it would save more requests than this."""
SAMPLES = 16
GROWTH = 1.5
MOST_PATIENCE = 16
"""Waves between two steps of growth, at most, after steps that were too long."""

Blocks = tuple[int, int]
"""First and last block of a range, both included."""


@dataclass(frozen=True)
class Stretch:
    """Blocks that a filter has still to be asked for. `most`: no larger piece than this; `avoid`: who failed on it."""

    asked: LogFilter
    first: int
    last: int
    most: int | None = None
    tries: int = 0
    avoid: frozenset[str] = frozenset()

    @property
    def blocks(self) -> int:
        return self.last - self.first + 1

    def cut(self, size: int) -> tuple[Stretch, Stretch | None]:
        """The first blocks of it, and the rest."""
        if size >= self.blocks:
            return self, None
        return replace(self, last=self.first + size - 1), replace(self, first=self.first + size)

    def goes_on_in(self, other: Stretch) -> bool:
        """Whether the other one begins where this one ends, and is of the same kind."""
        return self.last + 1 == other.first and replace(self, first=other.first, last=other.last) == other

    def halved(self) -> Stretch:
        """The same blocks, to be asked for in two pieces."""
        return replace(self, most=-(-self.blocks // 2))


def joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """In order of their blocks, neighbours of one kind as one."""
    whole: list[Stretch] = []
    for stretch in sorted(stretches, key=lambda one: (one.asked, one.first)):
        if whole and whole[-1].goes_on_in(stretch):
            whole[-1] = replace(whole[-1], last=stretch.last)
        else:
            whole.append(stretch)
    return sorted(whole, key=lambda one: (one.first, one.asked))


@dataclass
class Sizer:
    """What one endpoint allows: the largest range it answered, the smallest it refused, and the cap it named.

    `ceiling`: never more than this. A size above `answered` is a probe: one at a time.
    """

    ceiling: int
    answered: int = 0
    refused: int | None = None
    step_from: int | None = None
    patience: int = 0
    waited: int = 0

    def answer(self, blocks: int) -> None:
        self.answered = max(self.answered, blocks)
        if self.refused is not None and blocks >= self.refused:
            self.refused = None

    def refuse(self, blocks: int, named: int | None = None) -> None:
        """A range was too large, whatever is in it."""
        if named is not None:
            self.ceiling = min(self.ceiling, named)
        self.refused = min(self.refused or blocks, blocks)
        if self.answered >= min(self.refused, self.ceiling + 1):
            self.answered = 0

    def shrink(self, blocks: int) -> None:
        """An answer was too big or too slow: half of it next, and from there on in steps."""
        if not 0 < self.answered < blocks:
            self.answered = 0
            self.step_from = min(self.step_from or blocks, max(1, blocks // 2))
        self.step_from = self.step_from or self.answered
        self.patience, self.waited = min(MOST_PATIENCE, max(1, 2 * self.patience)), 0

    def turn(self) -> None:
        """One wave went by."""
        self.waited += 1

    def probe(self, remaining: int) -> int:
        """The size worth asking for next, with so many blocks still to ask."""
        top = max(1, self.ceiling if self.refused is None else min(self.ceiling, self.refused - 1))
        if self.step_from is not None and self.answered < top:
            return min(top, self._step())
        if self.answered >= top or self.refused is None or self.refused > self.ceiling:
            return top
        if not self.answered:
            half = max(1, self.refused // 2)
            return max((size for size in CUSTOMARY if size <= half), default=half)
        between = [size for size in CUSTOMARY if self.answered < size < self.refused]
        size = max(between, default=(self.answered + self.refused) // 2)
        is_worth_it = size > self.answered and remaining * (1 / self.answered - 1 / size) > WORTH_A_REFUSAL
        return size if is_worth_it else self.answered

    def _step(self) -> int:
        if not self.answered:
            return self.step_from or 1
        return max(self.answered + 1, int(self.answered * GROWTH)) if self.waited > self.patience else self.answered


@dataclass
class Density:
    """Logs per block of one filter: `seen` in the last answers, and at least, in the last refusals, `suspected`."""

    seen: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    suspected: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=SAMPLES))

    @property
    def is_sure(self) -> bool:
        """False while it is only known that there were too many logs."""
        return bool(self.seen) or not self.suspected

    def most_blocks(self, most_logs: int | None) -> int | None:
        """How many blocks hold so many logs where they are densest; None where nothing says so.

        Answers for fewer blocks than usual do not count: they were cut where logs are heaped.
        """
        if most_logs is None:
            return None
        usual = median(blocks for _, blocks in self.seen) if self.seen else 0
        told = [*(one for one in self.seen if one[1] >= usual), *self.suspected]
        logs, blocks = max(told, key=lambda one: one[0] / one[1], default=(0, 1))
        return max(1, most_logs * blocks // logs) if logs else None


def without(whole: Iterable[Blocks], taken: Iterable[Blocks]) -> Iterator[Blocks]:
    """The blocks of `whole` that are not in `taken`."""
    gone = united(taken)
    for first, last in whole:
        free_from = first
        for start, end in within(gone, first, last):
            if start > free_from:
                yield free_from, start - 1
            free_from = end + 1
        if free_from <= last:
            yield free_from, last


def united(ranges: Iterable[Blocks]) -> list[Blocks]:
    """The same blocks as few ranges, in order."""
    whole: list[Blocks] = []
    for first, last in sorted(ranges):
        if whole and first <= whole[-1][1] + 1:
            whole[-1] = whole[-1][0], max(whole[-1][1], last)
        elif first <= last:
            whole.append((first, last))
    return whole


def within(ranges: Iterable[Blocks], first: int, last: int) -> list[Blocks]:
    """The parts of the ranges between two blocks."""
    return [(max(start, first), min(end, last)) for start, end in ranges if start <= last and end >= first]
