"""The marts of the funds together against a second reading of their rules, in plain Python, on a year of made-up feeds.

marts.etf_market_daily, etf_concentration and etf_drawdowns are computed again from marts.etf_flows (which has a test of
its own) and the seeds, and every column of every row is compared. Nothing here knows the models.
"""

from __future__ import annotations

import math
import shutil
import statistics
from collections.abc import Callable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt_build import build, dbt, make_feeds, observed, rows_of
from etf_prices import chosen_holdings, feed_prices, implied_prices, known, supplies
from etf_year import AS_OF, FUNDS, SESSIONS, SPUN_OFF, TRANSFERS, UNIVERSES, Feeds, day, made_up_year, sessions_of

from pipelines.receipts import Step, trace
from pipelines.warehouse.about import lineage_of

Row = dict[str, Any]
Table = dict[tuple, Row]
MARTS = {
    "etf_market_daily": ("fund_universe", "trade_date"),
    "etf_concentration": ("fund_universe", "trade_date"),
    "etf_drawdowns": ("fund_universe", "value_basis", "peak_on"),
}
EFFECTS = ("price_effect_usd", "flow_effect_usd", "corporate_action_effect_usd")
PLACES = {
    "_pct": 2e-6,
    "_60s": 2e-8,
    "hhi_fund": 2e-4,
    "hhi_issuer": 2e-4,
    "effective_funds": 2e-4,
    "effective_issuers": 2e-4,
}
LAGS = {"m3": -3, "m2": -2, "m1": -1, "0": 0, "p1": 1, "p2": 2, "p3": 3}


def read(file: Path, mart: str) -> Table:
    return {tuple(row[name] for name in MARTS[mart]): row for row in rows_of(file, f"marts.{mart}")}


def cents(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def total(values: list) -> Any:
    """NULL where there is nothing to sum, and where a part is NULL."""
    return sum(values) if values and None not in values else None


# ---------------------------------------------------------------- the rules, once more


class Universe:
    """One set of funds, session by session."""

    def __init__(self, name: str, flows: Table, feeds: Feeds) -> None:
        self.name, self.funds, self.flows = name, UNIVERSES[name], flows
        self.implied = implied_prices(chosen_holdings(known(feeds, "etf_holdings")))
        self.fed, self.supply = feed_prices(feeds), supplies(feeds)
        self.sessions = [on for on in SESSIONS if self.listed(on)]
        self.strike = {on: row["strike_price_usd"] for (_, on), row in flows.items()}
        self.share: dict[str, Decimal] = {}
        self.flowed: set[str] = set()
        self.days = {on: self.day(on) for on in self.sessions}
        self.changes = cache(self.log_changes)

    def listed(self, on: date) -> list[str]:
        return sorted(fund for fund in self.funds if on in SESSIONS_OF[fund])

    def figures(self, on: date, column: str) -> dict[str, Any]:
        """The members that have the figure."""
        rows = {fund: self.flows.get((fund, on), {}).get(column) for fund in self.listed(on)}
        return {fund: value for fund, value in rows.items() if value is not None}

    def in_transit(self, on: date) -> dict[str, Decimal]:
        """Legs that one of two members has booked and the other has not, by the fund that has."""

        def is_booked(leg: Row) -> bool:
            seen = [d for d in SESSIONS if d <= on and self.flows.get((leg["fund_id"], d), {}).get("btc_held")]
            return bool(seen) and max(seen) >= day(leg["booked_on"])

        out: dict[str, Decimal] = {}
        for leg in TRANSFERS:
            [other] = [row for row in TRANSFERS if row["fund_id"] == leg["counterparty_fund_id"]]
            if {leg["fund_id"], other["fund_id"]} <= self.funds and is_booked(leg) and not is_booked(other):
                out[leg["fund_id"]] = out.get(leg["fund_id"], Decimal(0)) - Decimal(leg["btc_amount"])
        return out

    def day(self, on: date) -> Row:
        held, usd, btc = (self.figures(on, name) for name in ("btc_held", "net_flow_usd", "net_flow_btc"))
        listed = self.listed(on)
        self.share |= {fund: value / sum(held.values()) * 100 for fund, value in held.items()}
        self.flowed |= usd.keys()

        def voids(present: dict[str, Any], *, is_flow: bool = False) -> bool:
            heavy = {fund for fund, share in self.share.items() if share > 1}
            if is_flow and not self.share:
                heavy = self.flowed
            return not present or any(fund in heavy for fund in listed if fund not in present)

        row: Row = {"fund_universe": self.name, "trade_date": on, "funds_listed": len(listed)}
        row["missing_funds"] = [fund for fund in listed if fund not in usd or fund not in held]
        row["funds_reported"] = len(listed) - len(row["missing_funds"])
        if not voids(usd, is_flow=True):
            row["net_flow_usd"] = sum(usd.values())
            row["gross_inflow_usd"] = sum(value for value in usd.values() if value > 0)
            row["gross_outflow_usd"] = -sum(value for value in usd.values() if value < 0)
        row["net_flow_btc"] = None if voids(btc) else sum(btc.values())
        row["strike_price_usd"], row["implied_strike_price_usd"] = self.strike.get(on), self.implied.get(on)
        row["supply_btc"] = self.supply.get(on)
        row["held"], row["transit"] = ({}, {}) if voids(held) else (held, self.in_transit(on))
        if row["held"]:
            transit = sum(row["transit"].values(), Decimal(0))
            on_the_way_usd = cents(transit * self.strike[on]) if transit else Decimal(0)
            row |= {"btc_held": sum(held.values()), "in_transit_btc": transit}
            row["share_of_21m_pct"] = float((row["btc_held"] + transit) / 210_000)
            if on in self.supply:
                row["share_of_supply_pct"] = float((row["btc_held"] + transit) / self.supply[on] * 100)
            for name, value in (("aum_usd", "aum_usd"), ("value", "market_value_usd")):
                row[name] = sum(self.figures(on, value).values()) + on_the_way_usd
        provisional = self.figures(on, "is_provisional").values()
        row["is_provisional"] = any(provisional) if provisional else None
        row["is_complete"] = row.get("net_flow_usd") is not None and "btc_held" in row
        reasons = [
            ("net_flow_btc", "flow_btc_missing"),
            ("net_flow_usd", "flow_missing"),
            ("btc_held", "holding_missing"),
        ]
        row["total_reason"] = ", ".join(reason for name, reason in reasons if row.get(name) is None) or None
        row["source_ids"] = sorted({source for ids in self.figures(on, "source_ids").values() for source in ids})
        row["holdings_sources"] = sorted(set(self.figures(on, "holdings_source_id").values()))
        return row

    def split(self, on: date) -> Row:
        """Why the value changed; no fund of the year is delisted."""
        n = self.sessions.index(on)
        if n == 0:
            return {"split_reason": "first_session"}
        this, before = self.days[on], self.days[self.sessions[n - 1]]
        held, held_before = (self.figures(d, "btc_held") for d in (on, before["trade_date"]))
        reasons = {reason for fund, reason in self.figures(on, "split_reason").items() if fund in held}
        if held_before.keys() - held.keys():
            reasons.add("session_missing")
        if not this["held"] or not before["held"]:
            reasons = {"session_missing"}
        if reasons:
            return {"split_reason": min(reasons)}
        (p0, t0), (p1, t1) = ((row["strike_price_usd"], row["in_transit_btc"]) for row in (before, this))
        on_the_way = [cents((t0 + t1) / 2 * (p1 - p0)), Decimal(0), cents((t1 - t0) * (p0 + p1) / 2)]
        parts = {
            name: sum(self.figures(on, name).values()) + moved for name, moved in zip(EFFECTS, on_the_way, strict=True)
        }
        change, value_change = this["aum_usd"] - before["aum_usd"], this["value"] - before["value"]
        residuals = {"residual_usd": change - sum(parts.values()), "value_residual": value_change - sum(parts.values())}
        return {"split_reason": None, "aum_change_usd": change, **parts, **residuals}

    def market_daily(self) -> list[Row]:
        rows: list[Row] = []
        for n, on in enumerate(self.sessions):
            row = self.days[on] | self.split(on) | self.correlations(n)
            row["nav_strike_at"] = self.flows.get(("ibit", on), {}).get("nav_strike_at")
            flows = [self.days[d].get("net_flow_usd") for d in self.sessions[: n + 1]]
            row["cumulative_net_flow_usd"] = total(flows)
            if row["cumulative_net_flow_usd"] is None:
                row["cumulative_reason"] = "not_covered_from_listing" if flows[0] is None else "session_missing"
            values = [self.days[d].get("aum_usd") for d in self.sessions[: n + 1]]
            if values[-1] is not None:
                highest = max(value for value in values if value is not None)
                row["aum_drawdown_pct"] = float((values[-1] - highest) / highest * 100)
            if n >= 20 and None not in values[-21:]:
                row["aum_drawdown_from_21s_high_usd"] = values[-1] - max(values[-21:])
            rows.append(row)
        return [row for row in rows if len(row["missing_funds"]) < row["funds_listed"] or row["source_ids"]]

    def log_changes(self, n: int) -> tuple[float | None, float | None]:
        """Of AUM per bitcoin, and of the price at the strike where it is that of the feed."""
        before, this = (self.days[self.sessions[k]] if k >= 0 else {} for k in (n - 1, n))
        per_btc = [float(d["aum_usd"] / (d["btc_held"] + d["in_transit_btc"])) for d in (before, this) if d.get("held")]
        prices = [float(self.fed[d["trade_date"]]) for d in (before, this) if d.get("trade_date") in self.fed]
        x, y = (math.log(pair[1] / pair[0]) if len(pair) == 2 else None for pair in (per_btc, prices))
        return x, y

    def correlations(self, n: int) -> Row:
        """Over the 60 sessions that end here, the later of the two changes being that of the session."""
        found = {}
        for name, lag in LAGS.items():
            ends = range(max(n - 59, 0), n + 1)
            pairs = [(self.changes(k - max(lag, 0))[0], self.changes(k + min(lag, 0))[1]) for k in ends]
            pairs = [pair for pair in pairs if None not in pair]
            found[f"corr_lag_{name}_60s"] = (
                statistics.correlation(*zip(*pairs, strict=True)) if len(pairs) == 60 else None
            )
        best = None if None in found.values() else LAGS[max(LAGS, key=lambda name: found[f"corr_lag_{name}_60s"])]
        return found | {"best_lag_sessions": best}

    def concentration(self) -> list[Row]:
        rows = []
        for row in self.market_daily():
            out = {name: row[name] for name in ("fund_universe", "trade_date")}
            out |= {"source_ids": row["holdings_sources"], "is_complete": bool(row["held"])}
            out["reason"] = None if row["held"] else "holding_missing"
            if row["held"]:
                issuers: dict[str, Decimal] = {}
                for fund, btc in [*row["held"].items(), *row["transit"].items()]:
                    issuers[FUNDS[fund]["issuer_id"]] = issuers.get(FUNDS[fund]["issuer_id"], Decimal(0)) + btc
                for level, holders in (("fund", row["held"]), ("issuer", issuers)):
                    shares = sorted(((-btc / sum(holders.values()) * 100, name) for name, btc in holders.items()))
                    hhi = sum(share * share for share, _ in shares)
                    out |= {f"hhi_{level}": float(hhi), f"effective_{level}s": float(10_000 / hhi)}
                    out |= {f"n_{level}s": len(holders), f"largest_{level}_id": shares[0][1]}
                    if level == "fund":
                        out["top1_share_pct"] = float(-shares[0][0])
                        out["top3_share_pct"] = float(-sum(share for share, _ in shares[:3]))
                    elif "grayscale" in issuers:
                        out["grayscale_share_pct"] = float(issuers["grayscale"] / sum(issuers.values()) * 100)
            rows.append(out)
        return rows

    def drawdowns(self, basis: str) -> list[Row]:
        column, residual = {"aum": ("aum_usd", "residual_usd"), "market_value": ("value", "value_residual")}[basis]
        value = {on: row[column] for on, row in self.days.items() if row.get(column) is not None}
        rows, start = [], 0
        known = list(value)
        while start < len(known):
            peak_on = known[start]
            end = next((n for n in range(start + 1, len(known)) if value[known[n]] >= value[peak_on]), len(known))
            below = known[start + 1 : end]
            if below and min(value[on] for on in below) <= value[peak_on] * Decimal("0.95"):
                trough_on = min(below, key=lambda on: (value[on], on))
                steps = [on for on in self.sessions if peak_on < on <= trough_on]
                splits = [self.split(on) for on in steps]
                fall = value[trough_on] - value[peak_on]
                row = {"fund_universe": self.name, "value_basis": basis, "peak_on": peak_on, "trough_on": trough_on}
                row |= {"recovered_on": known[end] if end < len(known) else None, "is_open": end == len(known)}
                row |= {"sessions_to_trough": len(steps), "peak_value_usd": value[peak_on], "drawdown_usd": fall}
                row |= {"trough_value_usd": value[trough_on], "drawdown_pct": float(fall / value[peak_on] * 100)}
                row |= {name: total([split.get(name) for split in splits]) for name in EFFECTS}
                row["residual_usd"] = total([split.get(residual) for split in splits])
                cited = [self.days[on]["holdings_sources"] for on in (peak_on, *steps)]
                row["source_ids"] = sorted({source for sources in cited for source in sources})
                rows.append(row)
            start = end
        return rows


SESSIONS_OF = {fund: set(sessions_of(fund)) for fund in FUNDS}


def same(name: str, got: object, want: object) -> bool:
    places = next((tolerance for ending, tolerance in PLACES.items() if name.endswith(ending)), None)
    if got is None or want is None or places is None:
        return got == want
    return abs(float(got) - float(want)) <= places


def assert_same(got: Table, want: list[Row], mart: str) -> None:
    rows = {tuple(row[name] for name in MARTS[mart]): row for row in want}
    assert got.keys() == rows.keys()
    differences = [
        (key, name, value, rows[key].get(name))
        for key, row in got.items()
        for name, value in row.items()
        if not same(name, value, rows[key].get(name))
    ]
    assert not differences, differences[:20]


# ---------------------------------------------------------------- the tests


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("dbt") / "outcrop.duckdb"


@pytest.fixture(scope="module")
def built(file, tmp_path_factory) -> Path:
    make_feeds(file, made_up_year())
    dbt(file, "build", "--exclude-resource-type", "unit_test", as_of=AS_OF)
    return Path(shutil.copy(file, tmp_path_factory.mktemp("year")))


@pytest.fixture(scope="module")
def universes(built) -> list[Universe]:
    flows = {(row["fund_id"], row["trade_date"]): row for row in rows_of(built, "marts.etf_flows")}
    feeds = made_up_year()
    return [Universe(name, flows, feeds) for name in UNIVERSES]


@pytest.mark.parametrize(
    ("mart", "rules"),
    [
        ("etf_market_daily", Universe.market_daily),
        ("etf_concentration", Universe.concentration),
        ("etf_drawdowns", lambda universe: universe.drawdowns("aum") + universe.drawdowns("market_value")),
    ],
)
def test_every_figure_of_a_year_is_what_the_rules_say(built, universes, mart, rules: Callable[[Universe], list[Row]]):
    got = read(built, mart)
    assert_same(got, [row for universe in universes for row in rules(universe)], mart)
    shown = {name for row in got.values() for name, value in row.items() if value is not None}
    assert set(next(iter(got.values()))) == shown


def test_the_year_has_the_cases_that_the_rules_are_about(built):
    rows = read(built, "etf_market_daily").values()
    assert {row["split_reason"] for row in rows} == {None, "first_session", "session_missing", "source_switch"}
    assert {row["best_lag_sessions"] for row in rows} == {None, 0}
    assert {"flow_missing", "holding_missing"} <= {reason for row in rows for reason in _reasons(row)}
    assert [row for row in rows if row["missing_funds"] and row["is_complete"]]
    falls = read(built, "etf_drawdowns").values()
    assert {row["price_effect_usd"] is None for row in falls} == {True, False}
    assert {row["is_open"] for row in falls} == {True, False}


def _reasons(row: Row) -> list[str]:
    return (row["total_reason"] or "").split(", ")


def test_what_is_booked_out_and_not_yet_in_belongs_to_no_fund_and_to_the_universe(built):
    daily, spread = read(built, "etf_market_daily"), read(built, "etf_concentration")
    on, after = date(2024, 7, 30), date(2024, 7, 31)
    assert daily["us_all", on]["in_transit_btc"] == SPUN_OFF
    assert daily["us_all", after]["in_transit_btc"] == 0
    assert {daily["us_all", d]["corporate_action_effect_usd"] for d in (on, after)} == {Decimal(0)}
    assert daily["us_ex_mini", on]["in_transit_btc"] == 0
    assert daily["us_ex_mini", on]["corporate_action_effect_usd"] < -1_000_000_000
    assert spread["us_all", on]["grayscale_share_pct"] > spread["us_ex_mini", on]["grayscale_share_pct"]


def test_the_window_slices_and_changes_no_figure(built, file):
    shutil.copy(built, file)
    first, last = date(2024, 3, 1), date(2024, 9, 30)
    dbt(file, "run", "--select", *MARTS, as_of=AS_OF, window=(first, last))
    for mart, key in MARTS.items():
        whole = {at: row for at, row in read(built, mart).items() if first <= at[len(key) - 1] <= last}
        assert read(file, mart) == whole
        assert whole


def test_without_holdings_a_flow_that_is_missed_voids_the_total(file):
    """No share is known then: a fund that reported before could be a large one."""
    start, second, third = SESSIONS[:3]
    seen = AS_OF - timedelta(days=1)
    cells = [("ibit", start, 5), ("fbtc", start, -2), ("ibit", second, 7), ("ibit", third, 1), ("fbtc", third, 0)]
    flows = [
        observed(
            "farside", seen, fund_id=fund, trade_date=on, net_flow_usd=usd, flow_basis="reported", is_provisional=False
        )
        for fund, on, usd in cells
    ]
    make_feeds(file, {"farside__etf_flows": flows})
    dbt(file, "build", "--exclude-resource-type", "unit_test", as_of=AS_OF)
    daily = read(file, "etf_market_daily")
    assert [daily["us_all", on]["net_flow_usd"] for on in (start, second, third)] == [3, None, 1]
    assert [daily["us_all", on]["cumulative_net_flow_usd"] for on in (start, second, third)] == [3, None, None]
    assert {row["in_transit_btc"] for row in daily.values()} == {None}
    assert daily["us_all", third]["total_reason"] == "flow_btc_missing, holding_missing"
    assert {row["reason"] for row in read(file, "etf_concentration").values()} == {"holding_missing"}
    assert not read(file, "etf_drawdowns")


def test_every_figure_has_a_receipt_down_to_the_feeds(file):
    """A fund, three sessions, a fall of more than 5 %: what the flows made cites flows, what is held holdings."""
    seen = AS_OF - timedelta(days=1)
    fund = {"fund_id": "ibit", "flow_basis": "reported", "is_provisional": False, "is_estimated": False}
    days = [fund | {"trade_date": on, "aum_usd": aum} for on, aum in zip(SESSIONS, (200, 220, 180), strict=False)]
    flows = [observed("farside", seen, **row, net_flow_usd=1) for row in days]
    held = [observed("btcetffundflow", seen, **row, btc_held=2) for row in days]
    make_feeds(file, {"farside__etf_flows": flows, "btcetffundflow__etf_holdings": held})
    build(file, *(f"+{mart}" for mart in MARTS), as_of=AS_OF)
    of_no_feed = {"nav_strike_at", "fund_universe", "trade_date", "value_basis", "peak_on"}
    lineage = lineage_of(file.parent / "target" / "manifest.json")
    tables = {mart: read(file, mart) for mart in MARTS}
    with duckdb.connect(str(file)) as connection:
        connection.register("lineage", lineage)
        connection.execute("create schema if not exists meta; create or replace table meta.lineage as from lineage")
        for mart, keys in MARTS.items():
            key, row = max(tables[mart].items())
            found: dict[tuple, set[str]] = {}  # columns with the same receipt and the same feed are traced once
            for name in row.keys() - of_no_feed:
                lines = lineage.filter(relation=f"marts.{mart}", column_name=name).rows()
                receipt = (frozenset(line[2:] for line in lines), feed_of(name))
                if receipt not in found:
                    step = trace(connection, f"marts.{mart}", dict(zip(keys, key, strict=True)), name)
                    found[receipt] = leaves(step)
                assert found[receipt] or row[name] is None, (mart, name)
                assert found[receipt] >= feed_of(name), (mart, name)


def feed_of(name: str) -> frozenset[str]:
    """The feed that the receipt of a column has to cite; a flow in bitcoin is the difference of two holdings."""
    if name.startswith(("aum_", "hhi_", "drawdown_", "price_effect")) or name == "net_flow_btc":
        return frozenset({"feeds.btcetffundflow__etf_holdings"})
    return frozenset({"feeds.farside__etf_flows"} if "flow" in name and "effect" not in name else ())


def leaves(step: Step) -> set[str]:
    if not step.below:
        return {step.relation} if step.relation.startswith("feeds.") else set()
    return {leaf for below in step.below for leaf in leaves(below)}
