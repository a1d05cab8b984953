"""marts.reconciliation against a second reading of its rules, in plain Python, on seven months of made-up feeds.

Four flow sources and three holdings sources that agree more or less, a fund printed a session late, a spin-off, rows
that are provisional, estimated or derived, filings of two quarter ends. Every pair is compared.
"""
# ruff: noqa: DTZ001 (instants in the warehouse are naive UTC)

from __future__ import annotations

import random
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import combinations
from pathlib import Path

import duckdb
import pytest
from dbt_build import build, dbt, make_feeds, observed, receipt, rows_of, seed

AS_OF = datetime(2024, 8, 20, 12)
FIRST, LAST = date(2024, 1, 11), date(2024, 8, 15)
CLOSED = {row["date"] for row in seed("market_exceptions") if row["kind"] == "closed"}
SESSIONS = [
    on
    for n in range((LAST - FIRST).days + 1)
    if (on := FIRST + timedelta(n)).weekday() < 5 and on.isoformat() not in CLOSED
]
NUMBER = {on: n for n, on in enumerate(SESSIONS)}
LISTED = dict.fromkeys(("fbtc", "gbtc", "hodl", "ibit", "btco"), FIRST) | {"btc_grayscale_mini": date(2024, 7, 31)}
SOURCES = {row["source_id"]: row for row in seed("sources")}
LAGS = {(row["source_id"], row["fund_id"]): int(row["lag_sessions"]) for row in seed("fund_reporting_lags")}
SPUN_OFF = Decimal("26935.83753443")
NOT_REFRESHED = date(2024, 3, 20)
BOOKED = {("gbtc", date(2024, 7, 30)): -SPUN_OFF, ("btc_grayscale_mini", date(2024, 7, 31)): SPUN_OFF}
CHECKS = {
    "flow_row_sum": "the_funds_of_a_flow_source_sum_to_its_printed_total",
    "flow_sources": "flow_sources_agree_with_each_other",
    "flow_against_holdings": "reported_flows_agree_with_the_change_of_the_holdings",
    "holdings_against_filing": "holdings_agree_with_the_filings",
    "holdings_sources": "holdings_sources_agree_with_each_other",
}


def price(on: date) -> int:
    return 40_000 + 100 * NUMBER[on]


# ---------------------------------------------------------------- the feeds


def seen_after(on: date) -> datetime:
    return datetime(on.year, on.month, on.day) + timedelta(days=1, hours=14)


def made_up_flows(dice: random.Random, flows: dict[tuple[str, date], Decimal]) -> Iterator[tuple[str, dict]]:
    for source in ("farside", "sosovalue", "coinglass", "bitbo"):
        for on in SESSIONS:
            cells = {
                fund: value + Decimal(dice.choice([0, 0, 100_000, 150_000, 150_001, 990_000, 1_100_000]))
                for (fund, day), value in flows.items()
                if day == on and dice.random() > 0.1
            }
            if source == "bitbo" and on == NOT_REFRESHED:
                cells = dict.fromkeys(cells, Decimal(0))
            total = sum(cells.values()) + dice.choice([0, 150_000, -150_000, Decimal("150000.01"), 600_000, -600_001])
            for fund, value in cells.items():
                row = {"fund_id": fund, "trade_date": on, "net_flow_usd": value}
                row["flow_basis"] = "holdings_derived" if source == "bitbo" else "reported"
                row["printed_total_usd"] = None if source == "sosovalue" else total
                row["is_provisional"] = dice.random() < 0.04
                yield source, observed(source, seen_after(on), **row)


def made_up_holdings(dice: random.Random, flows: dict[tuple[str, date], Decimal]) -> Iterator[tuple[str, dict]]:
    for fund, listed_on in LISTED.items():
        held, before = Decimal(SPUN_OFF if fund == "btc_grayscale_mini" else 30_000), None
        for on in [on for on in SESSIONS if on >= listed_on]:
            spun_off = SPUN_OFF if (fund, on) == ("gbtc", date(2024, 7, 29)) else 0
            held = held + (flows[fund, on] / price(on)).quantize(Decimal("0.0001")) - spun_off
            for source in ("ishares", "vaneck", "btcetffundflow"):
                is_late = LAGS.get((source, fund))
                is_its_fund = {"ishares": fund == "ibit", "vaneck": fund == "hodl"}.get(source, True)
                printed = before if is_late else held
                if not is_its_fund or printed is None or dice.random() < 0.03:
                    continue
                row = {"fund_id": fund, "trade_date": on, "is_estimated": dice.random() < 0.05}
                row["btc_held"] = printed + dice.choice([0, 0, 0, 5, -30, 60])
                is_exact = fund not in ("gbtc", "btc_grayscale_mini")
                row["aum_usd"] = row["btc_held"] * price(on) if is_exact else None
                yield source, observed(source, seen_after(on), **row)
            before = held


def made_up_feeds() -> dict[str, list[dict]]:
    dice = random.Random(20240731)
    flows = {
        (fund, on): Decimal(dice.randint(-300, 400)) * 100_000
        for fund, listed_on in LISTED.items()
        for on in SESSIONS
        if on >= listed_on
    }
    feeds = defaultdict(list)
    for source, row in made_up_flows(dice, flows):
        feeds[f"{source}__etf_flows"].append(row)
    for source, row in made_up_holdings(dice, flows):
        feeds[f"{source}__etf_holdings"].append(row)
    for fund in LISTED:
        for period_end, session in ((date(2024, 3, 31), date(2024, 3, 28)), (date(2024, 6, 30), date(2024, 6, 28))):
            printed_on = SESSIONS[NUMBER[session] + LAGS.get(("btcetffundflow", fund), 0)]
            prints = [row for row in feeds["btcetffundflow__etf_holdings"] if row["trade_date"] == printed_on]
            for held in [row["btc_held"] for row in prints if row["fund_id"] == fund]:
                row = {"fund_id": fund, "period_end": period_end, "accession": "a", "form": "10-Q", "tag": "t"}
                row["btc_held"] = (held * dice.choice([1, Decimal("1.0009"), Decimal("0.995")])).quantize(Decimal(1))
                filed_on = period_end + timedelta(35)
                feeds["edgar__etf_quarter_ends"].append(
                    observed("edgar", seen_after(filed_on), filed_on=filed_on, **row)
                )
    return feeds


# ---------------------------------------------------------------- the rules, once more


class Feeds:
    """The feeds by what they are of; sources in the order of their ranks."""

    def __init__(self, feeds: dict[str, list[dict]]) -> None:
        self.flows, self.holdings = defaultdict(dict), defaultdict(dict)
        self.filings = feeds["edgar__etf_quarter_ends"]
        for name, rows in feeds.items():
            of = {"etf_flows": self.flows, "etf_holdings": self.holdings}.get(name.split("__")[1])
            for row in rows if of is not None else []:
                if (row["source_id"], row.get("trade_date")) == ("bitbo", NOT_REFRESHED):
                    continue
                of[row["fund_id"], row["trade_date"]][row["source_id"]] = row
        for of, rank in ((self.flows, "rank_flow"), (self.holdings, "rank_holding")):
            for key, by_source in of.items():
                ranked = sorted(by_source, key=lambda source: int(SOURCES[source][rank]))
                of[key] = {source: by_source[source] for source in ranked}

    def first_print(self, source: str, fund: str) -> date:
        return min(on for (of, on), by_source in self.holdings.items() if of == fund and source in by_source)


def row_sums(feeds: Feeds) -> Iterator[tuple]:
    rows = defaultdict(list)
    for (_, on), by_source in feeds.flows.items():
        for source, row in by_source.items():
            if row["printed_total_usd"] is not None:
                rows[source, on].append(row)
    for (source, on), cells in rows.items():
        reason = "provisional" if any(cell["is_provisional"] for cell in cells) else None
        funds, total = sum(cell["net_flow_usd"] for cell in cells), cells[0]["printed_total_usd"]
        yield "flow_row_sum", "us_all", on, source, f"{source}_printed_total", funds, total, reason


def pairs_of_flows(feeds: Feeds) -> Iterator[tuple]:
    for (fund, on), by_source in feeds.flows.items():
        for a, b in combinations(by_source.values(), 2):
            reason = "holdings_derived" if a["flow_basis"] != b["flow_basis"] else None
            reason = "provisional" if a["is_provisional"] or b["is_provisional"] else reason
            sources = a["source_id"], b["source_id"]
            yield "flow_sources", fund, on, *sources, a["net_flow_usd"], b["net_flow_usd"], reason


def flows_and_holdings(feeds: Feeds) -> Iterator[tuple]:
    for (fund, on), by_source in feeds.flows.items():
        flow = next(iter(by_source.values()))
        for source in ("ishares", "vaneck", "btcetffundflow") if flow["flow_basis"] == "reported" else ():
            lag = LAGS.get((source, fund), 0)
            at = NUMBER[on] + lag
            after = feeds.holdings[fund, SESSIONS[at]].get(source) if at < len(SESSIONS) else None
            if not after:
                continue
            before = feeds.holdings[fund, SESSIONS[at - 1]].get(source) if at else None
            is_from_nothing = on == LISTED[fund] and fund != "gbtc" and feeds.first_print(source, fund) == SESSIONS[at]
            if not before and not is_from_nothing:
                continue
            action = BOOKED.get((fund, SESSIONS[at]), 0)
            btc = after["btc_held"] - (before["btc_held"] if before else 0) - action
            usd = (btc * price(on)).quantize(Decimal("0.01"), ROUND_HALF_UP)
            is_estimated = any(row and row["is_estimated"] for row in (before, after))
            reason = f"reporting_lag_{lag}" if lag else "estimated_holding" if is_estimated else None
            reason = "spin_off_booked" if action else reason
            reason = "provisional" if flow["is_provisional"] else reason
            yield "flow_against_holdings", fund, on, flow["source_id"], source, flow["net_flow_usd"], usd, reason


def filings_and_holdings(feeds: Feeds) -> Iterator[tuple]:
    for filing in feeds.filings:
        session = max(on for on in SESSIONS if on <= filing["period_end"])
        for source in ("ishares", "vaneck", "btcetffundflow"):
            lag = LAGS.get((source, filing["fund_id"]), 0)
            row = feeds.holdings[filing["fund_id"], SESSIONS[NUMBER[session] + lag]].get(source)
            if not row:
                continue
            reason = f"reporting_lag_{lag}" if lag else "estimated_holding" if row["is_estimated"] else None
            key = "holdings_against_filing", filing["fund_id"], filing["period_end"], "edgar", source
            yield *key, filing["btc_held"], row["btc_held"], reason


def pairs_of_holdings(feeds: Feeds) -> Iterator[tuple]:
    """After one session; a source that prints late has it under a later one."""
    for fund, listed_on in LISTED.items():
        for on in [on for on in SESSIONS if on >= listed_on]:
            prints = {}
            for source in ("ishares", "vaneck", "btcetffundflow"):
                at = NUMBER[on] + LAGS.get((source, fund), 0)
                if at < len(SESSIONS) and source in feeds.holdings[fund, SESSIONS[at]]:
                    prints[source] = feeds.holdings[fund, SESSIONS[at]][source]
            for a, b in combinations(prints, 2):
                lag = max(LAGS.get((source, fund), 0) for source in (a, b))
                is_estimated = prints[a]["is_estimated"] or prints[b]["is_estimated"]
                reason = f"reporting_lag_{lag}" if lag else "estimated_holding" if is_estimated else None
                yield "holdings_sources", fund, on, a, b, prints[a]["btc_held"], prints[b]["btc_held"], reason


def tolerance(check: str, entity: str, source_b: str, reason: str | None) -> tuple[Decimal, Decimal]:
    fitting = [
        row
        for row in seed("reconciliation_tolerances")
        if row["check_id"] == check
        and row["entity_id"] in ("*", entity)
        and row["source_b"] in ("*", source_b)
        and row["reason"] in ("*", reason)
    ]
    best = max(fitting, key=lambda row: [row[name] != "*" for name in ("entity_id", "source_b", "reason")])
    return Decimal(best["tolerance_abs"]), Decimal(best["tolerance_pct"])


def expected(made_up: dict[str, list[dict]]) -> dict[tuple, dict]:
    feeds = Feeds(made_up)
    wanted = {}
    for check in (row_sums, pairs_of_flows, flows_and_holdings, filings_and_holdings, pairs_of_holdings):
        for check_id, entity, on, a, b, value_a, value_b, reason in check(feeds):
            allowed_abs, allowed_pct = tolerance(check_id, entity, b, reason)
            off = value_a - value_b
            wanted[check_id, entity, on, a, b] = {
                "value_a": value_a, "value_b": value_b, "reason": reason, "difference_abs": off,
                "tolerance_abs": allowed_abs, "tolerance_pct": float(allowed_pct),
                "within": abs(off) <= max(allowed_abs, allowed_pct * abs(value_a) / 100),
                "difference_pct": round(float(off / abs(value_a) * 100), 6) if value_a else None,
            }  # fmt: skip
    return wanted


COLUMNS = """check_id entity_id observed_on source_a source_b subject metric_id unit value_a value_b difference_abs
    difference_pct tolerance_abs tolerance_pct within reason""".split()  # noqa: SIM905 (a list to read)


def same(got: object, want: object) -> bool:
    return abs(got - want) <= 2e-6 if isinstance(got, float) and isinstance(want, float) else got == want


def pairs(file: Path) -> dict[tuple, dict]:
    return {tuple(row[name] for name in COLUMNS[:5]): row for row in rows_of(file, "marts.reconciliation")}


# ---------------------------------------------------------------- the tests


@pytest.fixture(scope="module")
def feeds() -> dict[str, list[dict]]:
    return made_up_feeds()


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """One path for all builds: dbt parses the project once."""
    return tmp_path_factory.mktemp("pairs") / "outcrop.duckdb"


@pytest.fixture(scope="module")
def built(file, feeds, tmp_path_factory) -> Path:
    make_feeds(file, feeds)
    build(file, "+reconciliation", "+etf_quarterly", as_of=AS_OF)
    home = tmp_path_factory.mktemp("built")
    shutil.copy(file.parent / "target" / "manifest.json", home)
    return Path(shutil.copy(file, home))


@pytest.fixture(scope="module")
def wanted(feeds) -> dict[tuple, dict]:
    return expected(feeds)


def test_every_pair_is_what_the_rules_say(built, wanted):
    got = pairs(built)
    assert list(next(iter(got.values()))) == COLUMNS
    assert got.keys() == wanted.keys()
    differences = [
        (key, name, got[key][name], value)
        for key, row in wanted.items()
        for name, value in row.items()
        if not same(got[key][name], value)
    ]
    assert not differences, differences[:20]


def test_the_pairs_have_every_reason_and_both_answers(wanted):
    """So that the comparison above has something to compare; a difference right at its tolerance among them."""
    answers = {(check, row["within"]) for (check, *_), row in wanted.items()}
    assert answers == {(check, within) for check in CHECKS for within in (True, False)}
    assert {row["reason"] for row in wanted.values()} == {
        None, "provisional", "spin_off_booked", "reporting_lag_1", "estimated_holding", "holdings_derived",
    }  # fmt: skip
    assert any(abs(row["difference_abs"]) == row["tolerance_abs"] for row in wanted.values())
    late = [
        row
        for (check, *_), row in wanted.items()
        if (check, row["reason"]) == ("holdings_against_filing", "reporting_lag_1")
    ]
    assert {(row["tolerance_pct"], row["within"]) for row in late} == {(0.1, True), (0.1, False)}


def test_what_is_outside_its_tolerance_warns_and_the_rows_stay(built, file, wanted):
    shutil.copy(built, file)
    results = dbt(file, "test", "--select", *CHECKS.values(), as_of=AS_OF)
    outside = Counter(check for (check, *_), row in wanted.items() if not row["within"])
    for check, name in CHECKS.items():
        assert (results[name]["status"], results[name]["failures"]) == ("warn", outside[check])
    assert pairs(file).keys() == wanted.keys()


def test_a_pair_that_is_compared_both_ways_blocks(built, file):
    shutil.copy(built, file)
    name = "no_pair_of_sources_is_compared_twice"
    assert dbt(file, "test", "--select", name, as_of=AS_OF)[name]["status"] == "pass"
    with duckdb.connect(str(file)) as connection:
        turned = "select * replace (source_b as source_a, source_a as source_b) from marts.reconciliation limit 1"
        connection.execute(f"insert into marts.reconciliation {turned}")
    assert dbt(file, "test", "--select", name, as_of=AS_OF, exit_status=1)[name]["status"] == "fail"


def test_the_window_slices_the_pairs_and_changes_none(built, file):
    shutil.copy(built, file)
    build(file, "reconciliation", as_of=AS_OF, window=(date(2024, 3, 30), date(2024, 4, 1)))
    shown = pairs(file)
    assert {on for _, _, on, _, _ in shown} == {date(2024, 3, 31), date(2024, 4, 1)}
    assert shown == {key: row for key, row in pairs(built).items() if key in shown}


@pytest.mark.parametrize("check", CHECKS)
def test_a_pair_has_a_receipt_of_both_its_sources(built, wanted, check):
    manifest = built.with_name("manifest.json")
    key = max(key for key in wanted if key[0] == check and key[2] < date(2024, 7, 30))
    rows = receipt(built, manifest, "marts.reconciliation", dict(zip(COLUMNS[:5], key, strict=True)))
    suffix = {"net_flow_usd": "etf_flows", "btc_held": "etf_holdings"}
    a, b = key[3], key[4].removesuffix("_printed_total")
    tables = {row["table"] for row in rows}
    if check == "flow_row_sum":
        assert tables == {f"feeds.{a}__etf_flows"}
        assert {row["trade_date"] for row in rows} == {key[2]}
    elif check == "flow_against_holdings":
        assert tables >= {f"feeds.{a}__etf_flows", f"feeds.{b}__etf_holdings"}
        prints = [row for row in rows if row["source_id"] == b and row["fund_id"] == key[1]]
        assert len({row["trade_date"] for row in prints}) == 2
    elif check == "holdings_against_filing":
        assert tables == {"feeds.edgar__etf_quarter_ends", f"feeds.{b}__etf_holdings"}
    else:
        kind = suffix["net_flow_usd" if check == "flow_sources" else "btc_held"]
        assert tables == {f"feeds.{a}__{kind}", f"feeds.{b}__{kind}"}
        assert {row["fund_id"] for row in rows} == {key[1]}
