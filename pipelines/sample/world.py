"""The simulated world: what is true in it about bitcoin's price and the US spot ETFs until January 2025.

Belongs here: facts at the strike of each session: price, net flows, coins held. Magnitudes are those of 2024,
the history is not: prices pass through the published points of `anchors.csv`, all else is drawn from a seed.
Not here: what an upstream shows of it, how late, and how it prints it (one module each beside this one).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate

from pipelines.registry import Fund, Registry
from pipelines.sample.anchors import Anchors
from pipelines.sample.flows import USD_PER_MILLION, Investors, Market
from pipelines.sample.prices import PricePath, strike_at

SEED = "layers"
FIRST_SESSION = date(2024, 1, 11)
"""First day of trading of the US spot ETFs (seeds.funds)."""
LAST_DAY = date(2025, 1, 31)
SATOSHI = Decimal("0.00000001")
MOMENTUM_DAYS = 14


@dataclass(frozen=True)
class Position:
    """A fund's coins: what it opened with, the total created since, by session, and transfers it booked."""

    opening_btc: Decimal
    created_btc: dict[date, Decimal]
    transfers_btc: dict[date, Decimal]

    def held_btc(self, on: date, created_through: date | None) -> Decimal:
        """Coins held with the transfers booked by a day and the creations of sessions up to another day."""
        moved_btc = sum((btc for day, btc in self.transfers_btc.items() if day <= on), Decimal(0))
        created_btc = self.created_btc.get(created_through, Decimal(0)) if created_through else Decimal(0)
        return self.opening_btc + created_btc + moved_btc


class World:
    """Everything is drawn at the start; asking changes nothing, and two worlds are equal."""

    def __init__(self, registry: Registry) -> None:
        self.anchors = Anchors()
        self.sessions = registry.sessions(FIRST_SESSION, LAST_DAY)
        self.closed_days = frozenset(registry.closed_days)
        self.funds = {f.fund_id: f for f in registry.funds.values() if f.listed_on <= LAST_DAY}
        self.price = PricePath(self.anchors, SEED)
        self.strike_usd = {session: self.price.at(strike_at(session)) for session in self.sessions}
        momentum = {session: self._momentum(session) for session in self.sessions}
        investors = Investors(self.anchors, Market(self.sessions, self.strike_usd, momentum), SEED)
        self.flows_usd_m = {fund_id: investors.flows_usd_m(fund) for fund_id, fund in self.funds.items()}
        self._positions = {fund_id: self._position(fund) for fund_id, fund in self.funds.items()}

    def held_btc(self, fund_id: str, session: date, lag_sessions: int = 0) -> Decimal | None:
        """Coins of a fund after a session, None before its listing.

        With a lag, the creations of the last sessions are not in it yet; transfers are, on the day booked.
        """
        listed = list(self.flows_usd_m[fund_id])
        if session not in self.flows_usd_m[fund_id]:
            return None
        n = listed.index(session) - lag_sessions
        return self._positions[fund_id].held_btc(session, created_through=listed[n] if n >= 0 else None)

    def _momentum(self, session: date) -> float:
        earlier_usd = self.price.at(strike_at(session) - timedelta(days=MOMENTUM_DAYS))
        return math.log(self.strike_usd[session] / earlier_usd)

    def _position(self, fund: Fund) -> Position:
        """A session's net flow buys or sells coins at the price of its strike."""
        flows_usd_m = self.flows_usd_m[fund.fund_id]
        bought_btc = [
            (flow * USD_PER_MILLION / self.strike_usd[session]).quantize(SATOSHI)
            for session, flow in flows_usd_m.items()
        ]
        created_btc = dict(zip(flows_usd_m, accumulate(bought_btc), strict=True))
        transfers = {leg.on: leg.value for leg in self.anchors.points(f"{fund.fund_id}.spin_off")}
        return Position(self._opening_btc(fund, created_btc), created_btc, transfers)

    def _opening_btc(self, fund: Fund, created_btc: dict[date, Decimal]) -> Decimal:
        """Coins before the first session: those of the converted trust lead to its one published level."""
        for level in self.anchors.points(f"{fund.fund_id}.held"):
            return level.value - created_btc[level.on]
        for seed in self.anchors.points(f"{fund.fund_id}.seed_held"):
            return seed.value
        return Decimal(0)
