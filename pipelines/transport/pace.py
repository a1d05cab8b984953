"""How fast one host is asked: the budget per minute and per day, shared by all threads.

Belongs here: waiting for a free place, and saying when the next one is free.
Not here: what is asked, retries, HTTP.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import cast

from pyrate_limiter import Decision, Duration, InMemoryBucket, Rate, RateItem

from pipelines.settings import Clock

DAY = timedelta(days=1)
SECONDS_PER_MINUTE = 60
MINUTES_PER_DAY = 24 * 60
LONGEST_HOLD = timedelta(seconds=300)
"""Longer than this a run does not wait for a host that asks for a pause."""


class Spent(Exception):
    """The host is not asked now, nor within the time that a run can wait. Says when it may be asked again."""


class Pace:
    """The places of one host, a sliding log of requests. `sent` are those before this session, oldest first.

    pyrate_limiter keeps the log; the waiting is ours, because its own can neither be injected nor tell a full
    minute from a spent day.
    """

    def __init__(
        self,
        host: str,
        *,
        per_minute: int,
        per_day: int,
        sent: Iterable[datetime],
        clock: Clock,
        sleep: Callable[[float], None],
    ) -> None:
        self._host = host
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._held_until: datetime | None = None
        self._second = Rate(-(-per_minute // SECONDS_PER_MINUTE), Duration.SECOND)
        self._minute = Rate(per_minute, Duration.MINUTE)
        self._day = Rate(per_day, Duration.DAY)
        self._bucket = InMemoryBucket(self._binding_rates())
        self._bucket.items = [self._item(moment) for moment in sent]

    def take(self) -> None:
        """Waits until the host has a free place, and takes it. Raises `Spent` where that is too far off."""
        while wait := self._wait_or_take():
            self._sleep(wait.total_seconds())

    def hold(self, until: datetime) -> None:
        """Nothing is sent before that moment: the host asked for it."""
        with self._lock:
            self._held_until = max(self._held_until or until, until)

    def _wait_or_take(self) -> timedelta:
        """How long to wait before asking again; zero where the place was taken."""
        with self._lock:
            now = self._clock.now()
            if self._held_until and now < self._held_until:
                return self._rest_of_hold(self._held_until, now)
            decision = cast(Decision, self._bucket.put_decision(self._item(now)))
        wait = timedelta(milliseconds=decision.retry_after_ms or 0)
        if decision.failing_rate is self._day:
            budget = f"the {self._day.limit} requests that {self._host} is asked in 24 hours are spent"
            raise Spent(f"{budget}; the next one is free at {_text(now + wait)}")
        return wait

    def _rest_of_hold(self, until: datetime, now: datetime) -> timedelta:
        if until - now > LONGEST_HOLD:
            raise Spent(f"{self._host} asked for a pause; come back at {_text(until)}")
        return until - now

    def _binding_rates(self) -> list[Rate]:
        """The limits that can bind: the library wants a longer one to be tighter than the shorter one before it.

        A minute's places are given out second by second, because many hosts count so.
        """
        rates = [self._second]
        if self._minute.limit < self._second.limit * SECONDS_PER_MINUTE:
            rates.append(self._minute)
        if self._day.limit < self._minute.limit * MINUTES_PER_DAY:
            rates.append(self._day)
        return [rate for rate in rates if rate is self._day or rate.limit < self._day.limit]

    def _item(self, moment: datetime) -> RateItem:
        return RateItem(self._host, int(moment.replace(tzinfo=UTC).timestamp() * 1000))


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
