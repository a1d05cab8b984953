"""The simulated world: what is true in it about the US spot ETFs, prices, chains and vaults until January 2025.

Belongs here: facts at the strike of each session (price, net flows, coins held, shares), and the other facts, made
when they are first asked for. Magnitudes are those of 2024, the history is not: prices and TVL pass through the
published points of `anchors.csv`, all else is drawn from a seed.
Not here: what an upstream shows of it, how late, and how it prints it (one module each beside this one).
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import accumulate

from pipelines.registry import Fund, Registry
from pipelines.sample.anchors import Anchors
from pipelines.sample.assets import Assets
from pipelines.sample.blocks import Blocks
from pipelines.sample.flows import USD_PER_MILLION, Investors, Market
from pipelines.sample.prices import PricePath, strike_at
from pipelines.sample.shares import Shares, splits_of
from pipelines.sample.tvl import ChainTvl
from pipelines.sample.vaults import Vaults

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
        self.price = PricePath(self.anchors, "btc", SEED)
        self.strike_usd = {session: self.price.at(strike_at(session)) for session in self.sessions}
        momentum = {session: self._momentum(session) for session in self.sessions}
        investors = Investors(self.anchors, Market(self.sessions, self.strike_usd, momentum), SEED)
        self.flows_usd_m = {fund_id: investors.flows_usd_m(fund) for fund_id, fund in self.funds.items()}
        self._positions = {fund_id: self._position(fund) for fund_id, fund in self.funds.items()}
        self.shares = Shares(self.anchors, splits_of(registry.seeds))
        self._chain_ids = sorted(registry.chains)
        self._vault_addresses = registry.vault_addresses

    @cached_property
    def blocks(self) -> Blocks:
        return Blocks(self.anchors, SEED)

    @cached_property
    def assets(self) -> Assets:
        return Assets(self.anchors, self.price, self.blocks, SEED)

    @cached_property
    def tvl(self) -> ChainTvl:
        return ChainTvl(self.anchors, self._chain_ids, SEED)

    @cached_property
    def vaults(self) -> Vaults:
        return Vaults(self.anchors, self.assets, self._vault_addresses, SEED)

    def held_btc(self, fund_id: str, session: date, lag_sessions: int = 0) -> Decimal | None:
        """Coins of a fund after a session, None before its listing.

        With a lag, the creations of the last sessions are not in it yet; transfers are, on the day booked.
        """
        listed = list(self.flows_usd_m[fund_id])
        if session not in self.flows_usd_m[fund_id]:
            return None
        n = listed.index(session) - lag_sessions
        return self._positions[fund_id].held_btc(session, created_through=listed[n] if n >= 0 else None)

    def opening_btc(self, fund_id: str) -> Decimal:
        """Coins of a fund before its first session: those of the trust it was, or its seed."""
        return self._positions[fund_id].opening_btc

    def shares_outstanding(self, fund_id: str, session: date, counted_on: date | None = None) -> Decimal | None:
        """Whole shares after a session, None before the listing; counted as on a later day, after splits."""
        held_btc = self.held_btc(fund_id, session)
        if held_btc is None:
            return None
        return (held_btc / self.shares.btc_per_share(fund_id, session, counted_on)).to_integral_value()

    def reference_usd(self, fund_id: str, session: date) -> Decimal:
        """US dollars per bitcoin at which a fund strikes: each has a reference rate of its own, near the price."""
        spread = self.anchors.only("nav.reference_spread").value
        return self.strike_usd[session] * (1 + spread * draw("nav", fund_id, session))

    def published(self, at: datetime, after: timedelta) -> list[date]:
        """The sessions that a site shows at an instant which shows them so long after their 00:00 UTC."""
        return [session for session in self.sessions if datetime.combine(session, time()) + after <= at]

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


def draw(*name: object) -> Decimal:
    """A number from -1 to 1 that belongs to a name, the same in every world."""
    dice = random.Random("/".join(map(str, (SEED, *name))))
    return Decimal(str(round(dice.uniform(-1, 1), 6)))
