"""Instants of the simulated world and the Unix seconds by which services name them. All are naive UTC.

Belongs here: turning one into the other.
Not here: when something happens.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time

LATEST_SEC = 4_102_444_800
"""2100: what is larger counts in another unit."""


def midnight(day: date) -> datetime:
    """The 00:00 at which a day begins."""
    return datetime.combine(day, time())


def full_hour(at: datetime) -> datetime:
    """The full hour at or before an instant."""
    return at.replace(minute=0, second=0, microsecond=0)


def seconds(instant: datetime) -> int:
    return int(instant.replace(tzinfo=UTC).timestamp())


def instant_of(stamp: str) -> datetime | None:
    """The instant of a whole number of seconds; None for any other text."""
    if not stamp.isdecimal() or int(stamp) > LATEST_SEC:
        return None
    return datetime.fromtimestamp(int(stamp), UTC).replace(tzinfo=None)
