"""Which holdings speak for a fund, the price of bitcoin at a strike and its supply then, in plain Python.

Belongs here: what two tests need of the rules of the data model. Nothing here knows the models.
"""

from __future__ import annotations

import statistics
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import accumulate

from etf_year import AS_OF, EVE, NUMBER, SESSIONS, SOURCES, Feeds, Row, strike_of

RANK_HOLDING = {name: int(row["rank_holding"]) for name, row in SOURCES.items() if row["rank_holding"]}
PLACE = Decimal("1e-8")


def known(feeds: Feeds, entity: str) -> dict[tuple[str, date], dict[str, list[Row]]]:
    """For each fund and session the runs of each source that has it, as known at AS_OF."""
    found: dict[tuple[str, date], dict[str, list[Row]]] = {}
    rows = (row for name, rows in feeds.items() if name.endswith(entity) for row in rows)
    for row in sorted(rows, key=lambda row: row["run_number"]):
        if row["fetched_at"] <= AS_OF:
            runs = found.setdefault((row["fund_id"], row["trade_date"]), {})
            runs.setdefault(row["source_id"], []).append(row)
    return found


def chosen_holdings(prints: dict) -> dict[tuple[str, date], Row]:
    """Sources that print a run of sessions before those that print a lone one, then by their rank."""

    def choice(source: str, fund: str, on: date) -> tuple[bool, int, str]:
        beside = [SESSIONS[n] for n in (NUMBER[on] - 1, NUMBER[on] + 1) if 0 <= n < len(SESSIONS)]
        lone = not any(source in prints.get((fund, other), {}) for other in beside)
        return lone, RANK_HOLDING[source], source

    best = {key: min(runs, key=lambda source: choice(source, *key)) for key, runs in prints.items()}
    return {key: prints[key][source][-1] for key, source in best.items()}


def implied_prices(held: dict) -> dict[date, Decimal]:
    """The median of what the funds' AUM imply, without those more than 5 % off the median of all."""
    prices = {}
    for d in SESSIONS:
        implied = implied_by_fund(held, d).values()
        middle = statistics.median(implied) if implied else 0
        inside = [price for price in implied if abs(price - middle) <= 0.05 * middle]
        if inside:
            prices[d] = Decimal(statistics.median(inside)).quantize(PLACE, ROUND_HALF_UP)
    return prices


def implied_by_fund(held: dict, d: date) -> dict[str, float]:
    seen = {fund: row for (fund, on), row in held.items() if on == d and row.get("aum_usd")}
    return {fund: float(row["aum_usd"]) / float(row["btc_held"]) for fund, row in seen.items()}


def feed_prices(feeds: Feeds) -> dict[date, Decimal]:
    """The hourly price at the strike, or of the hour or two before, as known at AS_OF."""
    rows = [row for row in feeds["defillama__prices_hourly"] if row["fetched_at"] <= AS_OF]
    hours = {row["slot_at"]: row["price_usd"] for row in rows if row["asset_id"] == "btc"}
    prices = {}
    for d in [EVE, *SESSIONS]:
        slots = [slot for n in range(3) if (slot := strike_of(d) - timedelta(hours=n)) in hours]
        if slots:
            prices[d] = hours[slots[0]]
    return prices


def strike_prices(feeds: Feeds, held: dict) -> tuple[dict[date, Decimal], set[tuple[str, date]]]:
    """The price used on each session, and the reported AUM that are within 5 % of it."""
    strikes = implied_prices(held) | feed_prices(feeds)
    used = {
        (fund, d)
        for d, strike in strikes.items()
        for fund, price in implied_by_fund(held, d).items()
        if abs(price - float(strike)) <= 0.05 * float(strike)
    }
    return strikes, used


def supplies(feeds: Feeds) -> dict[date, Decimal]:
    """Bitcoin issued by the strike of each session, block by block: 50, and half of it after each 210,000."""
    rows = [row for row in feeds["mempool__block_heights"] if row["fetched_at"] <= AS_OF]
    heights = {row["asked_at"]: row["height"] for row in rows}
    subsidies = (50 * 10**8 >> height // 210_000 for height in range(max(heights.values()) + 1))
    issued_sats = list(accumulate(subsidies))
    return {d: Decimal(issued_sats[heights[strike_of(d)]]) / 10**8 for d in SESSIONS if strike_of(d) in heights}
