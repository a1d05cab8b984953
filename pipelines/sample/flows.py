"""Who brings money to the funds of the simulated world, and who takes it out: creations and redemptions.

Belongs here: the behaviour. Demand follows the price of the last two weeks, is strongest in the weeks after a
listing, differs by fund, and some sessions are far busier than others; the converted trust loses holders to
the cheaper funds, ever more slowly.
Not here: facts of a fund (`anchors.csv`, seeds), holdings (`world`), and how anybody prints them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pipelines.registry import Fund
from pipelines.sample.anchors import Anchors

USD_PER_MILLION = 1_000_000
CONVERTED = "gbtc"
"""The one fund that was a trust before: its holders leave, it is not built up."""


@dataclass(frozen=True)
class Market:
    """What all investors see: the sessions, the strike prices, and the price change of the last two weeks."""

    sessions: Sequence[date]
    strike_usd: Mapping[date, Decimal]
    momentum: Mapping[date, float]


class Investors:
    """Draws the net flow of each fund and session, US$ millions with one decimal, as funds report them."""

    def __init__(self, anchors: Anchors, market: Market, seed: str) -> None:
        self._anchors = anchors
        self._market = market
        self._seed = seed
        mood = random.Random(f"{seed}/mood")
        spread = anchors.number("demand.shared_spread")
        sensitivity = anchors.number("demand.price_sensitivity")
        busy = anchors.number("demand.activity_spread")
        self._appetite, self._activity = {}, {}
        for session in market.sessions:
            self._appetite[session] = 1 + sensitivity * market.momentum[session] + mood.gauss(0, spread)
            self._activity[session] = math.exp(mood.gauss(-busy * busy / 2, busy))  # 1 on average

    def flows_usd_m(self, fund: Fund) -> dict[date, Decimal]:
        """Net flow of every session since listing. The first one brings the fund its first coins."""
        quiet_share = self._number(fund, "quiet_share")
        dice = random.Random(f"{self._seed}/flows/{fund.fund_id}")
        flows: dict[date, Decimal] = {}
        held_btc = 0.0
        for n, session in enumerate(s for s in self._market.sessions if fund.is_listed(s)):
            strike_usd = float(self._market.strike_usd[session])
            is_quiet, noise = dice.random() < quiet_share, dice.gauss(0, 1)
            if n == 0:
                flow = self._number(fund, "first_flow")
            elif is_quiet:
                flow = 0.0
            elif fund.fund_id == CONVERTED:
                flow = self._leaving(fund, n, noise) / (1 - quiet_share)
            else:
                worst = self._anchors.number("demand.worst_session") * held_btc * strike_usd / USD_PER_MILLION
                flow = max(worst, self._coming(fund, session, n, noise) / (1 - quiet_share))
            flows[session] = tenths(flow)
            held_btc += float(flows[session]) * USD_PER_MILLION / strike_usd
        return flows

    def _coming(self, fund: Fund, session: date, n: int, noise: float) -> float:
        number = self._anchors.number
        rush = number("demand.launch_rush") * math.exp(-n / number("demand.launch_rush_fades_over"))
        wanted = self._appetite[session] + rush + number("demand.own_spread") * noise
        return self._number(fund, "mean_flow") * self._activity[session] * wanted

    def _leaving(self, fund: Fund, n: int, noise: float) -> float:
        start, last = self._number(fund, "outflow_at_start"), self._number(fund, "outflow_at_last")
        level = last + (start - last) * math.exp(-n / self._number(fund, "outflow_fades_over"))
        return -level * (1 + self._anchors.number("demand.shared_spread") * noise)

    def _number(self, fund: Fund, name: str) -> float:
        return self._anchors.number(f"{fund.fund_id}.{name}")


def tenths(value: float) -> Decimal:
    """Rounded to one decimal, without a negative zero."""
    return Decimal(round(value * 10)).scaleb(-1)
