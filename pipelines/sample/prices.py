"""The bitcoin price of the simulated world, hour by hour.

Belongs here: a path through the published anchor prices, with seeded noise between them.
Not here: who buys at that price (`flows`), and how anybody prints it.
"""

from __future__ import annotations

import math
import random
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from pipelines.sample.anchors import Anchors

NEW_YORK = ZoneInfo("America/New_York")
STRIKE = time(16, 0)
"""The funds strike their net asset value at 16:00 New York, also on days of early close."""
HOUR = timedelta(hours=1)


def strike_at(session: date) -> datetime:
    """The instant of the strike as naive UTC: 20:00 in summer, 21:00 in winter."""
    local = datetime.combine(session, STRIKE, tzinfo=NEW_YORK)
    return local.astimezone(UTC).replace(tzinfo=None)


class PricePath:
    """Hourly prices from the first to the last anchor, in US dollars and cents."""

    def __init__(self, anchors: Anchors, seed: str) -> None:
        points = anchors.points("btc.price")
        volatility = anchors.number("btc.hourly_volatility")
        dice = random.Random(f"{seed}/price")
        self.first_at = datetime.combine(points[0].on, time())
        logs = [math.log(points[0].value)]
        for start, end in pairwise(points):
            hours = (end.on - start.on).days * 24
            logs += _bridge(math.log(start.value), math.log(end.value), hours, volatility, dice)
        self._hourly_usd = [Decimal(str(round(math.exp(value), 2))) for value in logs]

    def at(self, instant: datetime) -> Decimal:
        """US dollars per bitcoin at the full hour at or before an instant."""
        hour = (instant - self.first_at) // HOUR
        if not 0 <= hour < len(self._hourly_usd):
            raise ValueError(f"{instant} is outside the simulated world")
        return self._hourly_usd[hour]


def _bridge(start: float, end: float, steps: int, volatility: float, dice: random.Random) -> list[float]:
    """A random walk of so many steps that arrives: the values after each step, the last one is `end`."""
    walk = [0.0]
    for _ in range(steps):
        walk.append(walk[-1] + dice.gauss(0, volatility))
    drift = (end - start - walk[-1]) / steps
    return [start + walk[n] + drift * n for n in range(1, steps)] + [end]
