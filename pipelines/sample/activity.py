"""What happens on the layers of the simulated world day by day: transactions, who sends them, fees, contracts, gas.

Belongs here: the days of each chain, which fit each other: totals are sums of their days, whoever is new was never
there before, and a week has no more senders than its days together.
Not here: transfers over bridges (`evm_*`), and how explorers count and print it (`blockscout`, `merlin_scan`,
`btrscan`, `llama_fees`).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache

from pipelines.sample.anchors import Anchor, Anchors
from pipelines.sample.paths import DAY, DailyPath
from pipelines.sample.times import midnight

LAST_DAY = date(2025, 1, 31)
BLOCKS = {
    "rootstock": (datetime.fromisoformat("2018-01-02 03:00:00"), 27),
    "bob": (datetime.fromisoformat("2024-04-11 18:59:49"), 2),
    "naka": (datetime.fromisoformat("2024-01-01 00:00:00"), 2),
    "eai": (datetime.fromisoformat("2024-05-17 15:00:00"), 2),
}
"""Chains that write a transaction of their own into each block: their first block, and seconds from one to the next."""
PLACES = {"stacks": 6}
EVM_PLACES = 18
GAS_OF_OWN = 50_000
"""Gas of a transaction that a chain itself writes (assumed)."""
RETURNING_SHARE = (0.22, 0.34)
"""Of the visits of known addresses on the days of a week, so many are of different ones (assumed)."""


@dataclass(frozen=True)
class ChainDay:
    """One UTC day of a chain.

    `transactions` include `own`, those that the chain itself writes; `senders` include whoever sends these.
    `fees` are whole coins of the gas asset, without what is paid for data elsewhere. The last three are totals since
    the chain began. Nobody counts gas on Stacks: 0.
    """

    transactions: int
    own: int
    senders: int
    new_senders: int
    recipients: int
    fees: Decimal
    new_contracts: int
    all_senders: int
    all_contracts: int
    all_gas: int


class Activity:
    """The chains of which `anchors.csv` has `<chain>.user_transactions`; each is drawn when it is first asked for.

    A chain that is older than the world begins with it, with the totals of `<chain>.…_before`.
    """

    def __init__(self, anchors: Anchors, seed: str) -> None:
        self._anchors = anchors
        self._seed = f"{seed}/activity"
        self.days = cache(self._days)

    def day(self, chain_id: str, day: date) -> ChainDay:
        """Raises `KeyError` for a day that the chain does not have in this world."""
        return self.days(chain_id)[day]

    def has_begun(self, chain_id: str, at: datetime) -> bool:
        """Whether there is anything to show of a chain at an instant."""
        return self.first_on(chain_id) <= at.date()

    def first_on(self, chain_id: str) -> date:
        """The first day of a chain; one of which nothing is known has its first day in the year 9999."""
        return next(iter(self.days(chain_id)), date.max)

    def senders_of_week(self, chain_id: str, monday: date, through: date) -> int:
        """Different senders from a Monday on to the end of a day. Raises `KeyError` where no day is known."""
        days = self.days(chain_id)
        asked = [monday + timedelta(days=n) for n in range((through - monday).days + 1)]
        known = [days[day] for day in asked if day in days]
        if not known:
            raise KeyError(f"{chain_id} has no day in the week of {monday}")
        before = known[0].all_senders - known[0].new_senders
        visits = sum(day.senders - day.new_senders for day in known)
        share = random.Random(f"{self._seed}/{chain_id}/week/{monday}").uniform(*RETURNING_SHARE)
        returned = min(int(share * visits), before)
        return max(*(day.senders for day in known), sum(day.new_senders for day in known) + returned)

    def _days(self, chain_id: str) -> dict[date, ChainDay]:
        points = self._anchors.points(f"{chain_id}.user_transactions")
        first_on = points[0].on if points else LAST_DAY + DAY
        dice = random.Random(f"{self._seed}/{chain_id}")
        levels = {name: self._level(chain_id, name, places, dice) for name, places in LEVELS.items()}
        spread = self._anchors.number("activity.daily_spread")
        senders, contracts, gas = (self._before(chain_id, name) for name in ("senders", "contracts", "gas"))
        begins_here = not senders
        days: dict[date, ChainDay] = {}
        for n in range((LAST_DAY - first_on).days + 1):
            day = first_on + timedelta(days=n)
            at = {name: float(level.on(day)) for name, level in levels.items()}
            noise = [math.exp(spread * dice.gauss(0, 1)) for _ in range(4)]
            users, own = max(int(at["user_transactions"] * noise[0]), 1), _own(chain_id, day)
            today = min(max(int(users / at["transactions_per_sender"] * noise[1]), 1), users) + bool(own)
            is_launch = begins_here and not n
            new = today if is_launch else max(int(today * at["newcomers"]), today - senders)
            created = int(at["contracts"] * noise[2] + 0.5)
            senders, contracts = senders + new, contracts + created
            gas += own * GAS_OF_OWN + users * int(at["gas"])
            days[day] = ChainDay(
                transactions=users + own,
                own=own,
                senders=today,
                new_senders=new,
                recipients=int(today * at["recipients_per_sender"] * noise[2]),
                fees=_coins(chain_id, users * at["fee"] * noise[3]),
                new_contracts=created,
                all_senders=senders,
                all_contracts=contracts,
                all_gas=gas,
            )
        return days

    def _level(self, chain_id: str, name: str, places: int, dice: random.Random) -> Level:
        """Habits change more slowly than crowds."""
        kind = "crowd" if name == "user_transactions" else "habit"
        volatility = self._anchors.number(f"activity.{kind}_volatility")
        return Level(self._anchors.points(f"{chain_id}.{name}"), volatility, places, dice)

    def _before(self, chain_id: str, name: str) -> int:
        """What a chain older than the world has counted so far."""
        return next((int(point.value) for point in self._anchors.points(f"{chain_id}.{name}_before")), 0)


LEVELS = {
    "user_transactions": 0,
    "transactions_per_sender": 3,
    "newcomers": 4,
    "recipients_per_sender": 3,
    "fee": 12,
    "contracts": 1,
    "gas": 0,
}
"""What is drawn of a chain: `<chain>.<name>` in `anchors.csv`, and the decimals of it."""


class Level:
    """A figure of a chain on each day: a path through its points, or always the same; 0 where it has none."""

    def __init__(self, points: Sequence[Anchor], volatility: float, places: int, dice: random.Random) -> None:
        self._always = points[0].value if len(points) == 1 else Decimal(0)
        self._path = DailyPath(points, volatility, places, dice) if len(points) > 1 else None

    def on(self, day: date) -> Decimal:
        return (self._path.at(midnight(day)) if self._path else None) or self._always


def _own(chain_id: str, day: date) -> int:
    """Transactions that a chain itself writes: one in each block of the day."""
    if chain_id not in BLOCKS:
        return 0
    first_at, spacing_sec = BLOCKS[chain_id]
    ends = (max(midnight(day + n * DAY) - first_at, timedelta(0)) for n in (0, 1))
    before, after = (-(-end // timedelta(seconds=spacing_sec)) for end in ends)
    return after - before


def _coins(chain_id: str, fees: float) -> Decimal:
    return Decimal(repr(fees)).quantize(Decimal(1).scaleb(-PLACES.get(chain_id, EVM_PLACES)))
