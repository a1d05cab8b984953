"""The simulated world and its upstreams: mode sample without a network.

Belongs here: what is true in that world, how each upstream shows it, and the adapter that answers for them.
Not here: feeds (the parsers that are tested with it are not borrowed), files, DuckDB, Dagster.
"""

from datetime import datetime

from pipelines.sample.adapter import WorldAdapter

PULLS: tuple[datetime, ...] = (
    datetime.fromisoformat("2024-03-29 14:00"),  # Good Friday: the exchange is closed
    datetime.fromisoformat("2024-06-28 14:00"),
    datetime.fromisoformat("2024-07-31 14:00"),  # half of the Grayscale spin-off is booked
    datetime.fromisoformat("2024-10-01 14:00"),
    datetime.fromisoformat("2025-01-31 22:30"),  # the session is over, no fund has reported it
)
"""The instants, naive UTC, at which a sample run asks the simulated upstreams."""

__all__ = ["PULLS", "WorldAdapter"]
