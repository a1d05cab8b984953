"""What a live run is about to ask: requests by source and the time that their budgets take.

Belongs here: counting and saying it. Nothing is asked here.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.table import Table

from pipelines.cli.console import OUT
from pipelines.registry import Source
from pipelines.runtime import Runtime
from pipelines.wanted import wanted_days, windows
from pipelines.warehouse.reader import known_attempts


@dataclass(frozen=True)
class Share:
    """What one source will be asked. `requests` is what is known before its first answer."""

    source: Source
    requests: int

    @property
    def today(self) -> int:
        return min(self.requests, self.source.requests_per_day)

    @property
    def minutes(self) -> float:
        """The places of a minute are given out second by second."""
        return self.today / self.source.rate_limit_per_min


def plan_of(runtime: Runtime) -> list[Share]:
    """The share of each source that has something to be asked for, in the order of their ids."""
    now = runtime.clock.now()
    requests: dict[str, int] = {}
    for feed in runtime.selected:
        if runtime.why_off(feed) or not feed.asks:
            continue
        refused = known_attempts(runtime.home, feed.raw_ids).refused
        days = wanted_days(feed, runtime.archive, runtime.window_to_ask(feed), now, refused)
        count = sum(feed.request_count(window) for window in windows(feed, days))
        requests[feed.source] = requests.get(feed.source, 0) + count
    return [Share(runtime.registry.sources[name], count) for name, count in sorted(requests.items()) if count]


def say_plan(shares: list[Share]) -> None:
    """The plan as a person reads it; hosts are asked one after the other, so their minutes add up."""
    if not shares:
        return
    minutes = sum(share.minutes for share in shares)
    total = sum(share.today for share in shares)
    time = f"about {minutes:.0f} minutes at their budgets" if minutes >= 1 else "within a minute"
    OUT.print(f"To ask: {total} requests of {len(shares)} sources, {time}. A stopped run goes on where it was.")
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    table.add_column("source")
    table.add_column("requests", justify="right")
    table.add_column("minutes", justify="right")
    table.add_column("")
    for share in shares:
        later = share.requests - share.today
        rest = f"{later} more in the next runs: {share.source.requests_per_day} a day" if later else ""
        table.add_row(share.source.source_id, str(share.today), f"{share.minutes:.0f}", rest)
    OUT.print(table)
