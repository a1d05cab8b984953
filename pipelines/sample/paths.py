"""Paths through fixed points: a series is known on some days, and seeded noise leads from each to the next.

Belongs here: the mathematics of such paths, for prices, TVL and amounts alike.
Not here: which points there are (`anchors.csv`), and what a path stands for.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise

from pipelines.sample.anchors import Anchor

DAY = timedelta(days=1)


def bridge(start: float, end: float, steps: int, volatility: float, dice: random.Random) -> list[float]:
    """A random walk of so many steps that arrives: the values after each step, the last one is `end`."""
    walk = [0.0]
    for _ in range(steps):
        walk.append(walk[-1] + dice.gauss(0, volatility))
    drift = (end - start - walk[-1]) / steps
    return [start + walk[n] + drift * n for n in range(1, steps)] + [end]


class DailyPath:
    """Levels above zero at each 00:00 UTC from the first to the last point, on a straight line in between."""

    def __init__(self, points: Sequence[Anchor], daily_volatility: float, places: int, dice: random.Random) -> None:
        self.first_at = datetime.combine(points[0].on, time())
        self._unit = Decimal(1).scaleb(-places)
        logs = [math.log(points[0].value)]
        for start, end in pairwise(points):
            logs += bridge(math.log(start.value), math.log(end.value), (end.on - start.on).days, daily_volatility, dice)
        self.daily = [Decimal(str(round(math.exp(value), places))) for value in logs]

    def at(self, instant: datetime) -> Decimal | None:
        """The level at an instant, None before the first point. Raises `ValueError` after the last one."""
        days, rest = divmod(instant - self.first_at, DAY)
        if days < 0:
            return None
        if days + bool(rest) >= len(self.daily):
            raise ValueError(f"{instant} is outside the simulated world")
        before = self.daily[days]
        if not rest:
            return before
        return (before + (self.daily[days + 1] - before) * Decimal(rest / DAY)).quantize(self._unit)
