"""The search for the blocks around midnights, over headers that are asked for as they are needed.

Belongs here: how far a chain is, and the steps of the search.
Not here: which height comes next (days.py), fail-over between nodes (asking.py), what the days are for.
"""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.evm.asking import Asking, Talk
from pipelines.evm.days import MOST_CALLS, DayIndex


class DaySearch:
    """Makes the blocks around midnights known to an index."""

    def __init__(self, asking: Asking, index: DayIndex) -> None:
        self._asking = asking
        self._index = index

    def open(self, until: int) -> Talk:
        """The height of the last final block that any node has, as far as an instant needs it; None without nodes."""
        head = None
        while (node := (yield from self._asking.introduced(need=head + 1 if head is not None else None))) is not None:
            yield from self._asking.headers([node.head])
            header = self._asking.header(node.head)
            if header is None:
                node.leave(f"it does not have its own last final block {node.head}")
                continue
            self._index.add(header.number, header.at_sec)
            head = header.number
            if header.at_sec >= until:
                break
        return head

    def run(self, instants: list[int], head: int) -> Talk:
        """Brings the blocks around all these instants together; gives those whose blocks no node would tell."""
        floor = self._index.floor
        lost: set[int] = set()
        if self._index.bracket(instants[0])[0] is None and floor <= head:
            yield from self.learn([floor])
            lost.update([] if self._asking.header(floor) else instants[:1])
        searched = [instant for instant in instants if not self._index.is_settled(instant)]
        for step in range(MOST_CALLS):
            tried = ((instant, self._index.probe(instant, step)) for instant in searched)
            probes = {instant: probe for instant, probe in tried if probe is not None}
            if not probes:
                break
            yield from self.learn(sorted(set(probes.values())))
            lost.update(instant for instant, probe in probes.items() if self._asking.header(probe) is None)
        return {instant for instant in lost if not self._index.is_settled(instant)}

    def learn(self, heights: Iterable[int]) -> Talk:
        heights = list(heights)
        yield from self._asking.headers(heights)
        for height in heights:
            if header := self._asking.header(height):
                self._index.add(height, header.at_sec)
