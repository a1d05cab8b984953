"""A year of made-up ETF feeds, and the seeds that the models are built with, as a person reads them.

Belongs here: what the upstreams of the year print. Not here: any rule of a model.

The year has what years have: cells that are missing, cells that were revised, figures that are seen only after the
build, sources that disagree, a source that speaks for a fund for a while, funds printed a session late, a spin-off
that two funds book on two dates, AUM that is wrong, small funds and large ones, a fund that nobody sees for a while.
"""
# ruff: noqa: DTZ001 (instants in the warehouse are naive UTC)

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from dbt_build import observed, seed

AS_OF = datetime(2025, 1, 31, 12)
LATER = AS_OF + timedelta(hours=1)
Row = dict[str, Any]
Feeds = dict[str, list[Row]]


def day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


FUNDS = {row["fund_id"]: row for row in seed("funds")}
LISTED = {fund: date.fromisoformat(row["listed_on"]) for fund, row in FUNDS.items()}
SOURCES = {row["source_id"]: row for row in seed("sources")}
LAGS = {(row["source_id"], row["fund_id"]): int(row["lag_sessions"]) for row in seed("fund_reporting_lags")}
TRANSFERS = [row for row in seed("corporate_actions") if row["btc_amount"]]
CLOSED = {day(row["date"]) for row in seed("market_exceptions") if row["kind"] == "closed"}
SESSIONS = [
    on
    for n in range((AS_OF.date() - date(2024, 1, 11)).days + 1)
    if (on := date(2024, 1, 11) + timedelta(n)).weekday() < 5 and on not in CLOSED
]
NUMBER = {on: n for n, on in enumerate(SESSIONS)}
EVE = date(2024, 1, 10)
"""The session before the first listing."""
UNIVERSES: dict[str, set[str]] = {}
for membership in seed("fund_universes"):
    UNIVERSES.setdefault(membership["fund_universe"], set()).add(membership["fund_id"])

SPUN_OFF = Decimal("26935.83753443")
SMALL = {"btcw", "defi", "ezbc"}
NO_HOURLY_PRICE = {*range(3), *range(40, 45)}
PRICED_HOURS_BEFORE = {60: 2, 62: 3}
NOT_REFRESHED = {41}
NO_HEIGHT = {5, 6, 120}
UNSEEN = {"ezbc": range(100, 130), "ibit": range(150, 153), "btcw": range(40, 42)}
BTC = Decimal("1e-8")
CENT = Decimal("0.01")


def sessions_of(fund: str) -> list[date]:
    return [on for on in SESSIONS if on >= LISTED[fund]]


def prices() -> dict[date, float]:
    """US dollars per bitcoin; falling at the end, so that the year ends below its peak."""
    dice = random.Random(1)
    level, path = 46_000.0, {}
    for on in SESSIONS:
        level *= math.exp(dice.gauss(0.001 if NUMBER[on] < len(SESSIONS) - 12 else -0.03, 0.03))
        path[on] = level
    return path


def made_up_flows() -> dict[tuple[str, date], Decimal]:
    """US dollars, for each fund and session on which it is listed."""
    dice = random.Random(2)
    flows = {}
    for fund in FUNDS:
        for on in sessions_of(fund):
            usd = Decimal(dice.choice([0, 0, *range(-900, 1400)])) * 100_000
            if fund == "gbtc":
                usd = -abs(usd) // 100 * 100
            flows[fund, on] = usd / 50 if fund in SMALL else usd
    return flows


def made_up_holdings(flows: dict[tuple[str, date], Decimal], price: dict[date, float]) -> dict[str, list[Decimal]]:
    """Bitcoin of each fund before its first session and after each one."""
    start = {"gbtc": Decimal("619000.5"), "btc_grayscale_mini": SPUN_OFF}
    held = {}
    for fund in FUNDS:
        levels = [start.get(fund, Decimal(0))]
        for on in sessions_of(fund):
            left = SPUN_OFF if fund == "gbtc" and on == date(2024, 7, 29) else 0  # printed, and booked, a session later
            levels.append(max(levels[-1] + flows[fund, on] / Decimal(price[on]), Decimal(1)) - left)
        held[fund] = levels
    return held


def made_up_year() -> Feeds:
    flows, price = made_up_flows(), prices()
    held = made_up_holdings(flows, price)
    return {
        "farside__etf_flows": list(farside(flows)),
        "bitbo__etf_flows": list(bitbo(flows)),
        "sosovalue__etf_flows": list(sosovalue(flows)),
        "btcetffundflow__etf_holdings": list(backfill(held, price)),
        "ishares__etf_holdings": list(issuer("ishares", "ibit", held, price, [*range(20, 60), 63, *range(67, 150)])),
        "ark__etf_holdings": list(issuer("ark", "arkb", held, price, [30, 60, 90, 91, 92, 120])),
        "vaneck__etf_holdings": list(issuer("vaneck", "hodl", held, price, range(200, 262))),
        "defillama__prices_hourly": list(hourly(price)),
        "mempool__block_heights": list(heights()),
    }


def strike_of(on: date) -> datetime:
    """16:00 in New York, as naive UTC."""
    strike = datetime(on.year, on.month, on.day, 16, tzinfo=ZoneInfo("America/New_York"))
    return strike.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)


def seen_after(on: date) -> datetime:
    return datetime(on.year, on.month, on.day) + timedelta(days=1, hours=14)


def flow(source: str, fund: str, on: date, usd: Decimal, seen: datetime, run: int = 1, **other: Any) -> Row:
    values = {"fund_id": fund, "trade_date": on, "net_flow_usd": usd, "flow_basis": "reported", "is_provisional": False}
    return observed(source, seen, run, **{**values, **other})


def farside(flows: dict[tuple[str, date], Decimal]) -> Iterator[Row]:
    """Nearly every cell; one in twenty was revised, and each once more after the build."""
    dice = random.Random(3)
    for (fund, on), usd in flows.items():
        if dice.random() < 0.004 and on != LISTED[fund]:
            continue
        runs = [usd] if dice.random() > 0.05 else [usd - 100_000, usd, usd]
        seen = seen_after(on)
        for run, value in enumerate(runs, start=1):
            yield flow(
                "farside", fund, on, value, seen + timedelta(hours=run - 1), run,
                printed_total_usd=1_000_000 + run, is_provisional=dice.random() < 0.02,
            )  # fmt: skip
        yield flow("farside", fund, on, usd + 7, LATER, len(runs) + 1)


def bitbo(flows: dict[tuple[str, date], Decimal]) -> Iterator[Row]:
    """Eight sessions out of forty, computed from holdings, which were old once."""
    for (fund, on), usd in flows.items():
        if NUMBER[on] % 40 < 8 and fund != "gbtc":
            derived = Decimal(0) if NUMBER[on] in NOT_REFRESHED else usd * Decimal("1.02")
            yield flow("bitbo", fund, on, derived, seen_after(on), flow_basis="holdings_derived")


def sosovalue(flows: dict[tuple[str, date], Decimal]) -> Iterator[Row]:
    for (fund, on), usd in flows.items():
        if fund in ("bitb", "fbtc") and 70 <= NUMBER[on] < 90:
            yield flow("sosovalue", fund, on, usd - 300_000, seen_after(on))


def backfill(held: dict[str, list[Decimal]], price: dict[date, float]) -> Iterator[Row]:
    """All funds, some a session late, with AUM that is off now and then; each print once more after the build."""
    dice = random.Random(4)
    for fund, levels in held.items():
        for n, on in enumerate(sessions_of(fund)):
            btc = levels[n if LAGS["btcetffundflow", fund] else n + 1].quantize(BTC)
            if btc <= 0 or n in UNSEEN.get(fund, ()) or (n > 0 and dice.random() < 0.004):
                continue
            off = dice.choice([1] * 40 + [1.0499, 1.06, 0.9])
            values: Row = {"fund_id": fund, "trade_date": on, "btc_held": btc, "is_estimated": False}
            if dice.random() > 0.02:
                values["aum_usd"] = (btc * Decimal(price[on] * off)).quantize(CENT)
            if fund != "fbtc":
                values |= {"shares_outstanding": (btc * 1750).quantize(Decimal(1)), "nav_per_share_usd": "57.25"}
            yield observed("btcetffundflow", seen_after(on), 1, **values)
            yield observed("btcetffundflow", LATER, 2, **{**values, "btc_held": btc + 1})


def issuer(source: str, fund: str, held: dict, price: dict[date, float], sessions: range | list[int]) -> Iterator[Row]:
    """What a fund's sponsor prints, without a lag and a little off the others."""
    days = sessions_of(fund)
    for n in sessions:
        btc = (held[fund][n + 1] + Decimal("0.12345678")).quantize(BTC)
        aum = (btc * Decimal(price[days[n]] * 1.001)).quantize(CENT)
        values = {"fund_id": fund, "trade_date": days[n], "btc_held": btc, "aum_usd": aum, "is_estimated": n % 2 == 0}
        yield observed(source, seen_after(days[n]), 1, **values)


def hourly(price: dict[date, float]) -> Iterator[Row]:
    """The price at the strike, a little off the funds'; on some sessions hours before it, on some none at all."""
    dice = random.Random(5)
    eve = {"slot_at": strike_of(EVE), "slot_sec": 3600, "priced_at": strike_of(EVE)}
    yield observed("defillama", seen_after(EVE), 1, **eve, asset_id="btc", price_usd=Decimal("46123.45"))
    for n, on in enumerate(SESSIONS):
        slot = strike_of(on) - timedelta(hours=PRICED_HOURS_BEFORE.get(n, 0))
        values = {"slot_at": slot, "slot_sec": 3600, "priced_at": slot + timedelta(minutes=4)}
        usd = Decimal(price[on] * dice.uniform(0.998, 1.002)).quantize(BTC)
        yield observed("defillama", seen_after(on), 1, **values, asset_id="eth", price_usd=usd / 20)
        if n not in NO_HOURLY_PRICE:
            yield observed("defillama", seen_after(on), 1, **values, asset_id="btc", price_usd=usd)
            yield observed("defillama", LATER, 2, **values, asset_id="btc", price_usd=usd + 1)


def heights() -> Iterator[Row]:
    """Blocks at the strikes, over a halving; one that is not known yet, and some that nobody asked for."""
    for n, on in enumerate(SESSIONS):
        if n not in NO_HEIGHT:
            at = strike_of(on)
            values = {"asset_id": "btc", "asked_at": at, "height": 829_900 + 150 * n, "block_hash": f"{n:064x}"}
            yield observed("mempool", LATER if n == 200 else seen_after(on), **values, header_at=at)
