"""Which answers a reorganisation took back: a block that was made anew makes all after it anew.

Belongs here: the reasoning over heights and times. Nothing is asked here, and nothing is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Asked:
    """A range that was answered well.

    `sure_at`: when it was last known to stand, by its answer or a later header; `turned_at`: when its last block first
    had another hash than at its answer.
    """

    first: int
    last: int
    at: datetime
    sure_at: datetime
    fetch_id: str
    turned_at: datetime | None = None


def turned_at(hashes: list[tuple[datetime, str]]) -> datetime | None:
    """When the hash of a block, told at these times, was first another one than at the beginning."""
    return next((time for time, block_hash in hashes if block_hash != hashes[0][1]), None)


class Turns:
    """The reorganisations that ranges tell of: each takes back what was told before of its blocks and of all later.

    The end of a range that was taken back already tells nothing new when it is asked for again.
    """

    def __init__(self, ranges: Iterable[Asked]) -> None:
        self._seen_at: dict[int, datetime] = {}
        turned = sorted({(one.turned_at, one.first, one.last, one.at) for one in ranges if one.turned_at})
        for seen_at, first, last, at in turned:
            if self.leave(last, at):
                self._seen_at[first] = seen_at

    def __bool__(self) -> bool:
        return bool(self._seen_at)

    def leave(self, height: int, at: datetime) -> bool:
        """Whether what was told of a block at a time still stands."""
        return all(height < first or at >= seen_at for first, seen_at in self._seen_at.items())
