"""The price of an asset in the simulated world, hour by hour.

Belongs here: a path through the anchor prices, with seeded noise between them.
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
from pipelines.sample.paths import bridge

NEW_YORK = ZoneInfo("America/New_York")
STRIKE = time(16, 0)
"""The funds strike their net asset value at 16:00 New York, also on days of early close."""
HOUR = timedelta(hours=1)


def strike_at(session: date) -> datetime:
    """The instant of the strike as naive UTC: 20:00 in summer, 21:00 in winter."""
    local = datetime.combine(session, STRIKE, tzinfo=NEW_YORK)
    return local.astimezone(UTC).replace(tzinfo=None)


class PricePath:
    """Hourly prices from the first to the last anchor, in US dollars; `places` are the decimals."""

    def __init__(self, anchors: Anchors, asset_id: str, seed: str, places: int = 2) -> None:
        points = anchors.points(f"{asset_id}.price")
        volatility = anchors.number(f"{asset_id}.hourly_volatility")
        dice = random.Random(f"{seed}/price")
        self.first_at = datetime.combine(points[0].on, time())
        logs = [math.log(points[0].value)]
        for start, end in pairwise(points):
            hours = (end.on - start.on).days * 24
            logs += bridge(math.log(start.value), math.log(end.value), hours, volatility, dice)
        self._hourly_usd = [Decimal(str(round(math.exp(value), places))) for value in logs]
        self._unit = Decimal(1).scaleb(-places)

    @property
    def last_at(self) -> datetime:
        """The last full hour that has a price."""
        return self.first_at + (len(self._hourly_usd) - 1) * HOUR

    def at(self, instant: datetime) -> Decimal:
        """US dollars per coin at the full hour at or before an instant."""
        hour = (instant - self.first_at) // HOUR
        if not 0 <= hour < len(self._hourly_usd):
            raise ValueError(f"{instant} is outside the simulated world")
        return self._hourly_usd[hour]

    def between(self, instant: datetime) -> Decimal:
        """US dollars per coin at an instant, on a straight line from one full hour to the next."""
        hours, rest = divmod(instant - self.first_at, HOUR)
        before = self.at(instant)
        if not rest or hours + 1 >= len(self._hourly_usd):
            return before
        return (before + (self._hourly_usd[hours + 1] - before) * Decimal(rest / HOUR)).quantize(self._unit)
