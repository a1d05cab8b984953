"""marts.etf_flows against a second reading of its rules, in plain Python, on a year of made-up feeds.

The feeds have what a year has: cells that are missing, cells that were revised, funds printed a session late,
a spin-off that two funds book on two dates, AUM that is wrong, a fund that is not seen for a while. Every column
of every row is compared. Nothing here knows the models; the rules are those of the data model.
"""
# ruff: noqa: DTZ001 (instants in the warehouse are naive UTC)

from __future__ import annotations

import csv
import json
import math
import os
import random
import shutil
import statistics
import subprocess
import sys
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest

PROJECT = Path(__file__).parents[2] / "dbt_project"
AS_OF = datetime(2025, 1, 31, 12)
LATER = AS_OF + timedelta(hours=1)
FIRST, LAST = date(2024, 1, 16), date(2025, 1, 24)
LINEAGE = """source_id VARCHAR, fetch_id VARCHAR, locator VARCHAR, fetched_at TIMESTAMP, run_number INTEGER,
    last_seen_at TIMESTAMP, last_fetch_id VARCHAR"""
FEEDS = {
    "farside__etf_flows": f"""fund_id VARCHAR, trade_date DATE, net_flow_usd DECIMAL(18,2),
        net_flow_btc DECIMAL(18,8), flow_basis VARCHAR, printed_total_usd DECIMAL(18,2), is_provisional BOOLEAN,
        {LINEAGE}""",
    "btcetffundflow__etf_holdings": f"""fund_id VARCHAR, trade_date DATE, btc_held DECIMAL(18,8),
        aum_usd DECIMAL(18,2), nav_per_share_usd DECIMAL(38,8), shares_outstanding DECIMAL(38,8), is_estimated BOOLEAN,
        {LINEAGE}""",
    "ledger": """fetch_id VARCHAR, source_id VARCHAR, entity VARCHAR, table_names VARCHAR[], method VARCHAR,
        url VARCHAR, fetched_at TIMESTAMP, status INTEGER, outcome VARCHAR, bytes BIGINT, sha256 VARCHAR,
        error VARCHAR""",
    "asked": """fetch_id VARCHAR, source_id VARCHAR, table_name VARCHAR, entity_id VARCHAR, from_at TIMESTAMP,
        to_at TIMESTAMP, from_block BIGINT, to_block BIGINT, outcome VARCHAR""",
}


# ---------------------------------------------------------------- the warehouse


def make_feeds(file: Path, flows: list[tuple] = (), holdings: list[tuple] = ()) -> None:
    """A working file as Python leaves it to dbt: the feeds filled, nothing else."""
    file.unlink(missing_ok=True)
    with duckdb.connect(str(file)) as con:
        con.execute("create schema feeds")
        for name, columns in FEEDS.items():
            con.execute(f"create table feeds.{name} ({columns})")
        for name, rows in (("farside__etf_flows", flows), ("btcetffundflow__etf_holdings", holdings)):
            if not rows:
                continue
            listing = file.with_name(f"{name}.csv")
            with listing.open("w", newline="") as out:
                csv.writer(out).writerows(rows)
            con.execute(f"copy feeds.{name} from '{listing}' (format csv, header false)")


def dbt(file: Path, *arguments: str) -> dict[str, str]:
    """Run dbt on the file, with one window for all tests; the status of each node by its name."""
    variables = {"as_of": f"{AS_OF:%Y-%m-%d %H:%M:%S.%f}", "window_first": f"{FIRST}", "window_last": f"{LAST}"}
    target = file.parent / "target"
    environment = os.environ | {
        "OUTCROP_BUILD_FILE": str(file),
        "DO_NOT_TRACK": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("dbt")), *arguments, "--project-dir", str(PROJECT),
            "--profiles-dir", str(PROJECT), "--target-path", str(target), "--log-path", str(file.parent / "logs"),
            "--vars", json.dumps(variables),
        ],
        env=environment, capture_output=True, text=True, check=False, timeout=150,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    results = json.loads((target / "run_results.json").read_text())["results"]
    return {result["unique_id"].split(".")[2]: result["status"] for result in results}


def mart(file: Path) -> dict[tuple[str, date], dict]:
    with duckdb.connect(str(file), read_only=True) as con:
        answer = con.execute("select * from marts.etf_flows")
        names = [column[0] for column in answer.description]
        rows = [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
    return {(row["fund_id"], row["trade_date"]): row for row in rows}


# ---------------------------------------------------------------- seeds, as a person reads them


def seed(name: str) -> list[dict]:
    with (PROJECT / "seeds" / f"{name}.csv").open() as file:
        return [{key: value or None for key, value in row.items()} for row in csv.DictReader(file)]


def day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


FUNDS = {row["fund_id"]: row for row in seed("funds")}
CLOSED = {day(row["date"]) for row in seed("market_exceptions") if row["kind"] == "closed"}
SESSIONS = [
    d
    for n in range((AS_OF.date() - date(2024, 1, 11)).days + 1)
    if (d := date(2024, 1, 11) + timedelta(n)).weekday() < 5 and d not in CLOSED
]
NUMBER = {d: n for n, d in enumerate(SESSIONS)}
LAGS = {row["fund_id"]: int(row["lag_sessions"]) for row in seed("fund_reporting_lags")}
ACTIONS = {
    (row["fund_id"], day(row["booked_on"])): Decimal(row["btc_amount"])
    for row in seed("corporate_actions")
    if row["btc_amount"]
}
UNIVERSE = {row["fund_id"] for row in seed("fund_universes") if row["fund_universe"] == "us_all"}


def sessions_of(fund: str) -> list[date]:
    return [d for d in SESSIONS if d >= day(FUNDS[fund]["listed_on"])]


# ---------------------------------------------------------------- a year of feeds


def lineage(source: str, run: int, seen: datetime) -> tuple:
    return source, f"{source}-{seen:%Y%m%d%H%M}", f"t0/r{run}/c1", seen, run, LATER, "later"


def made_up_year() -> tuple[list[tuple], list[tuple]]:
    dice = random.Random(20240111)
    price = {}
    level = 46_000.0
    for d in SESSIONS:
        level *= math.exp(dice.gauss(0.001, 0.03))
        price[d] = level
    flows, holdings = [], []
    for fund in FUNDS:
        days = sessions_of(fund)
        held = Decimal("619000.5") if fund == "gbtc" else Decimal(0)
        if fund == "btc_grayscale_mini":
            held = Decimal("26935.83753443")  # received before the first flow
        before = held
        for n, d in enumerate(days):
            seen = datetime(d.year, d.month, d.day) + timedelta(days=1, hours=14)
            usd = Decimal(dice.choice([0, 0, *range(-900, 1400)])) * 100_000
            if fund == "gbtc":
                usd = -abs(usd) // 100 * 100
            held = max(before + usd / Decimal(price[d]), Decimal(1))
            if fund == "gbtc" and d == date(2024, 7, 29):  # printed, and booked, a session later
                held -= Decimal("26935.83753443")
            if dice.random() > 0.004 or n == 0:
                runs = [usd] if dice.random() > 0.05 else [usd - 100_000, usd, usd]
                total = Decimal(1_000_000) * n
                for run, value in enumerate(runs, start=1):
                    at = seen + timedelta(hours=run - 1)
                    flows.append((fund, d, value, None, "reported", total + run, False, *lineage("farside", run, at)))
                flows.append(
                    (fund, d, usd + 7, None, "reported", total, False, *lineage("farside", len(runs) + 1, LATER))
                )
            printed = before if LAGS.get(fund) else held
            lost = n in {"ezbc": range(100, 130), "ibit": range(150, 153)}.get(fund, ())
            if printed > 0 and not lost and (n == 0 or dice.random() > 0.004):
                printed = printed.quantize(Decimal("1e-8"))
                off = dice.choice([1] * 40 + [1.0499, 1.06, 0.9])
                aum = None if dice.random() < 0.02 else (printed * Decimal(price[d] * off)).quantize(Decimal("0.01"))
                shares = None if fund == "arkb" else (printed * 1750).quantize(Decimal(1))
                nav = None if fund == "arkb" else Decimal("57.25")
                holdings.append((fund, d, printed, aum, nav, shares, False, *lineage("btcetffundflow", 1, seen)))
                holdings.append((fund, d, printed + 1, aum, nav, shares, False, *lineage("btcetffundflow", 2, LATER)))
            before = held
    return flows, holdings


# ---------------------------------------------------------------- the rules, once more


def cents(value: Decimal | None, places: str = "0.01") -> Decimal | None:
    return None if value is None else value.quantize(Decimal(places), ROUND_HALF_UP)


def known(rows: list[tuple]) -> dict[tuple[str, date], list[tuple]]:
    runs: dict[tuple[str, date], list[tuple]] = {}
    for row in sorted(rows, key=lambda row: row[11]):
        if row[10] <= AS_OF:
            runs.setdefault(row[:2], []).append(row)
    return runs


def strike_prices(held: dict) -> tuple[dict[date, Decimal], set]:
    strikes, used = {}, set()
    for d in SESSIONS:
        implied = {f: float(row[3]) / float(row[2]) for (f, on), row in held.items() if on == d and row[3]}
        if not implied:
            continue
        middle = statistics.median(implied.values())
        inside = {f: p for f, p in implied.items() if abs(p - middle) <= 0.05 * middle}
        if inside:
            strikes[d] = Decimal(statistics.median(inside.values())).quantize(Decimal("1e-8"), ROUND_HALF_UP)
            used |= {(f, d) for f in inside}
    return strikes, used


def tiered(fund: str, on: date, aum: Decimal) -> Decimal | None:
    """Dollars a year at the schedule in force on the day."""
    tiers: dict[int, dict] = {}
    for row in seed("fee_schedule"):
        if row["fund_id"] == fund and day(row["effective_from"]) <= on <= (day(row["effective_to"]) or date.max):
            tiers[int(row["tier"])] = row
    if not tiers:
        return None
    total, floor = Decimal(0), Decimal(0)
    for _, row in sorted(tiers.items()):
        bound = Decimal(row["applies_to_usd_below"] or "1e30")
        total += max(min(aum, bound) - floor, Decimal(0)) * Decimal(row["fee_pct"]) / 100
        floor = bound
    return total


def expected(flow_rows: list[tuple], holding_rows: list[tuple]) -> dict[tuple[str, date], dict]:  # noqa: PLR0912, PLR0915
    flows = known(flow_rows)
    held = {key: runs[-1] for key, runs in known(holding_rows).items()}
    strikes, used = strike_prices(held)

    def q(fund: str, d: date | None) -> Decimal | None:
        return held[fund, d][2] if (fund, d) in held else None

    def aum(fund: str, d: date | None) -> Decimal | None:
        if (fund, d) not in held:
            return None
        if (fund, d) in used:
            return held[fund, d][3]
        return cents(held[fund, d][2] * strikes[d]) if d in strikes else None

    shares: dict[date, dict[str, float]] = {}
    last_share: dict[str, float] = {}
    for d in SESSIONS:
        members = [f for f in UNIVERSE if d in sessions_of(f)]
        seen = {f: q(f, d) for f in members if q(f, d) is not None}
        if all(last_share.get(f, 0) <= 1 for f in members if f not in seen):
            shares[d] = {f: float(v) / float(sum(seen.values())) * 100 for f, v in seen.items()}
        last_share |= {f: float(v) / float(sum(seen.values())) * 100 for f, v in seen.items()}

    rows = {}
    for fund, facts in FUNDS.items():
        empty = facts["starts_empty"] == "true"
        days = sessions_of(fund)
        usd = [flows[fund, d][-1][2] if (fund, d) in flows else None for d in days]
        btc: list[Decimal | None] = []
        streak, reign = None, 0
        for n, d in enumerate(days):
            before = days[n - 1] if n else None
            yesterday = SESSIONS[NUMBER[d] - 1] if NUMBER[d] else None
            row = rows[fund, d] = dict.fromkeys(COLUMNS)
            row |= {"fund_id": fund, "trade_date": d, "supply_reason": "no_supply_feed"}
            row |= {name: facts[name] for name in ("ticker", "fund_name", "issuer_id")}
            row["nav_strike_at"] = (
                datetime(d.year, d.month, d.day, 16, tzinfo=ZoneInfo("America/New_York"))
                .astimezone(ZoneInfo("UTC"))
                .replace(tzinfo=None)
            )
            runs = flows.get((fund, d), [])
            row["n_sources"] = 1 if runs else 0
            if runs:
                changed = [b[10] for a, b in pairwise(runs) if a[2] != b[2]]
                row |= {"net_flow_usd": runs[-1][2], "source_id": "farside", "source_rank": 1, "flow_basis": "reported"}
                row |= {"is_provisional": False, "first_seen_at": runs[0][10], "revised_at": max(changed, default=None)}

            # bitcoin that came in on d, read where the source prints it
            at = NUMBER[d] + LAGS.get(fund, 0)
            flow_btc = None
            if at < len(SESSIONS) and q(fund, SESSIONS[at]) is not None:
                q0 = q(fund, SESSIONS[at - 1]) if at else None
                if q0 is None and n == 0 and empty:
                    q0 = Decimal(0)
                if q0 is not None:
                    flow_btc = q(fund, SESSIONS[at]) - q0 - ACTIONS.get((fund, SESSIONS[at]), 0)
            btc.append(flow_btc)
            row["net_flow_btc"] = flow_btc

            row["strike_price_usd"] = strikes.get(d)
            row["split_reason"] = "session_missing"
            if (fund, d) in held:
                action = ACTIONS.get((fund, d), Decimal(0))
                q1, q0 = q(fund, d), (q(fund, before) if n else Decimal(0) if empty else None)
                a1, a0 = aum(fund, d), (aum(fund, before) if n else Decimal(0) if empty else None)
                p1, p0 = strikes.get(d), strikes.get(yesterday)
                row |= {"btc_held": q1, "holdings_source_id": "btcetffundflow", "is_estimated": False}
                row |= {"corporate_action_btc": action, "btc_held_change": None if q0 is None else q1 - q0}
                row |= {"aum_usd": a1, "aum_basis": a1 and ("reported" if (fund, d) in used else "derived")}
                row["market_value_usd"] = cents(q1 * p1) if p1 else None
                row |= {"nav_per_share_usd": held[fund, d][4], "shares_outstanding": held[fund, d][5]}
                if held[fund, d][5]:
                    row["btc_per_share"] = q1 / held[fund, d][5]
                if q0 is None:
                    row["split_reason"] = "session_missing" if n else "first_session"
                elif p0 is None or p1 is None:
                    row["split_reason"] = "no_strike_price"
                else:
                    parts = [
                        cents((q0 + q1) / 2 * (p1 - p0)),
                        cents((q1 - q0 - action) * (p0 + p1) / 2),
                        cents(action * (p0 + p1) / 2),
                    ]
                    row["split_reason"], row["aum_change_usd"] = None, a1 - a0
                    row |= dict(
                        zip(["price_effect_usd", "flow_effect_usd", "corporate_action_effect_usd"], parts, strict=True)
                    )
                    row["residual_usd"] = a1 - a0 - sum(parts)

            if None not in usd[: n + 1]:
                row["cumulative_net_flow_usd"] = sum(usd[: n + 1])
            else:
                row["cumulative_reason"] = "not_covered_from_listing" if usd[0] is None else "session_missing"
            if None not in btc:
                row["cumulative_net_flow_btc"] = sum(btc)
            elif None not in usd[: n + 1]:
                row["cumulative_reason"] = "holdings_missing"
            for size in (5, 21, 63):
                frame = usd[n + 1 - size : n + 1] if n + 1 >= size else [None]
                if None not in frame:
                    row[f"net_flow_{size}s_usd"] = sum(frame)
                    if size == 63 and len(set(frame)) > 1:
                        row["net_flow_z_63s"] = float((usd[n] - statistics.mean(frame)) / statistics.stdev(frame))
            quarter_starts_on = date(d.year, (d.month - 1) // 3 * 3 + 1, 1)
            quarter = [v for on, v in zip(days[: n + 1], usd, strict=False) if on >= quarter_starts_on]
            row["net_flow_qtd_usd"] = None if None in quarter else sum(quarter)
            if usd[n] is None:
                streak = None
            else:
                sign = (usd[n] > 0) - (usd[n] < 0)
                streak = (streak or 0) + sign if sign and (streak or 0) * sign >= 0 else sign
            row["streak_sessions"] = streak

            share = shares.get(d, {}).get(fund) if fund in UNIVERSE else None
            if share is not None:
                order = sorted((f for f in shares[d]), key=lambda f: (-q(f, d), f))
                largest = order[0] == fund
                reign = reign + 1 if largest else 0
                row |= {"share_of_fund_total_pct": share, "rank_by_holdings": order.index(fund) + 1}
                row |= {"is_largest_holder": largest, "sessions_as_largest": reign}
            else:
                reign = 0

            a1, a0 = aum(fund, d), aum(fund, before)
            flat = tiered(fund, d, Decimal(100)), tiered(fund, d, Decimal("1e15"))
            if a1 and flat[0] is not None:
                row["est_annual_fee_usd"] = cents(tiered(fund, d, a1))
                row["sponsor_fee_pct"] = cents(tiered(fund, d, a1) / a1 * 100, "0.0001")
            elif flat[0] is not None and flat[0] * Decimal("1e13") == flat[1]:
                row["sponsor_fee_pct"] = cents(flat[0], "0.0001")
            base = a0 if a0 is not None else a1
            since = before if n else d - timedelta(1)
            if base is not None and flat[0] is not None:
                on_days = [since + timedelta(k + 1) for k in range((d - since).days)]
                row["fee_accrual_usd"] = cents(sum(tiered(fund, on, base) for on in on_days) / 365)

            cum_usd, cum_btc = row["cumulative_net_flow_usd"], row["cumulative_net_flow_btc"]
            if empty and cum_usd is not None and cum_btc is not None and cum_btc > 0:
                row["mean_cost_usd"] = cum_usd / cum_btc
            from_holdings = row["holdings_source_id"] or flow_btc is not None
            row["source_ids"] = ["btcetffundflow"] * bool(from_holdings) + ["farside"] * bool(runs)
    return {key: row for key, row in rows.items() if row["n_sources"] or row["holdings_source_id"]}


COLUMNS = """fund_id trade_date ticker fund_name issuer_id nav_strike_at net_flow_usd source_id source_rank flow_basis
    is_provisional n_sources disagreement_usd disagreement_pct first_seen_at revised_at net_flow_btc btc_held
    holdings_source_id is_estimated btc_held_change corporate_action_btc aum_usd aum_basis strike_price_usd
    market_value_usd aum_change_usd price_effect_usd flow_effect_usd corporate_action_effect_usd residual_usd
    split_reason shares_outstanding btc_per_share nav_per_share_usd cumulative_net_flow_usd cumulative_net_flow_btc
    cumulative_reason net_flow_5s_usd net_flow_21s_usd net_flow_63s_usd net_flow_qtd_usd streak_sessions net_flow_z_63s
    share_of_fund_total_pct rank_by_holdings is_largest_holder sessions_as_largest share_of_supply_pct supply_reason
    sponsor_fee_pct fee_accrual_usd est_annual_fee_usd mean_cost_usd source_ids""".split()  # noqa: SIM905 (a list to read)
PLACES = {  # columns that go through a DOUBLE once: equal to the last place that they are rounded to
    "btc_per_share": 1e-15, "net_flow_z_63s": 2e-8, "share_of_fund_total_pct": 2e-6, "mean_cost_usd": 2e-8,
    "fee_accrual_usd": 0.011, "sponsor_fee_pct": 1.1e-4,
}  # fmt: skip


def same(name: str, got: object, want: object) -> bool:
    if got is None or want is None or name not in PLACES:
        return got == want
    return abs(float(got) - float(want)) <= PLACES[name]


# ---------------------------------------------------------------- the tests


@pytest.fixture(scope="module")
def year() -> tuple[list[tuple], list[tuple]]:
    return made_up_year()


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """One path for all builds: dbt parses the project once."""
    return tmp_path_factory.mktemp("dbt") / "outcrop.duckdb"


@pytest.fixture(scope="module")
def built(file, year, tmp_path_factory) -> Path:
    """The year, built as the daily run builds it, with a window inside it; and the manifest beside it."""
    make_feeds(file, *year)
    statuses = dbt(file, "build", "--exclude-resource-type", "unit_test")
    assert statuses["spin_off_is_neither_a_redemption_nor_a_creation"] == "pass"
    home = tmp_path_factory.mktemp("year")
    shutil.copy(file.parent / "target" / "manifest.json", home)
    return Path(shutil.copy(file, home))


def test_every_figure_of_a_year_is_what_the_rules_say(built, year):
    """The window slices: rows outside are not shown, and no figure inside is different for it."""
    got = mart(built)
    want = {key: row for key, row in expected(*year).items() if FIRST <= key[1] <= LAST}
    assert list(next(iter(got.values()))) == COLUMNS
    assert got.keys() == want.keys()
    differences = [
        (key, name, got[key][name], value)
        for key, row in want.items()
        for name, value in row.items()
        if not same(name, got[key][name], value)
    ]
    assert not differences, differences[:20]
    shown = {name for row in got.values() for name, value in row.items() if value is not None}
    assert set(COLUMNS) - shown == {"disagreement_usd", "disagreement_pct", "share_of_supply_pct"}


def test_every_figure_has_a_receipt_down_to_the_feeds(built):
    """Walk `config.meta.receipt` from a row of the mart to the rows of the feeds that it came from."""
    manifest = json.loads(built.with_name("manifest.json").read_text())
    receipts = {
        f"{node['schema']}.{node['name']}": node["config"]["meta"].get("receipt", [])
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
    }
    of_no_feed = {"fund_id", "trade_date", "ticker", "fund_name", "issuer_id", "nav_strike_at", "source_ids",
                  "share_of_supply_pct", "supply_reason", "split_reason", "cumulative_reason"}  # fmt: skip
    with duckdb.connect(str(built), read_only=True) as con:

        def walk(relation: str, row: dict, column: str) -> set[str]:
            if relation.startswith("feeds."):
                return {relation}
            found = set()
            for entry in receipts[relation]:
                keys = {there: row[here] for there, here in entry["key_map"].items()}
                if entry["column"] not in (column, "*") or None in keys.values():
                    continue
                where = " and ".join(f"{key} = ?" for key in keys)
                answer = con.execute(f"select * from {entry['depends_on']} where {where} limit 3", [*keys.values()])
                names = [described[0] for described in answer.description]
                for below in answer.fetchall():
                    found |= walk(entry["depends_on"], dict(zip(names, below, strict=True)), column)
            return found

        for key in (("ibit", date(2024, 5, 14)), ("gbtc", date(2024, 7, 30)), ("btc_grayscale_mini", date(2024, 8, 1))):
            row = mart(built)[key]
            for name in set(COLUMNS) - of_no_feed:
                feeds = walk("marts.etf_flows", row, name)
                assert feeds or row[name] is None, (key, name)
                if name.startswith(("net_flow_usd", "first_seen", "streak")):
                    assert feeds == {"feeds.farside__etf_flows"}
                if name in ("btc_held", "aum_usd", "net_flow_btc", "price_effect_usd", "rank_by_holdings"):
                    assert feeds == {"feeds.btcetffundflow__etf_holdings"} or row[name] is None


@pytest.mark.parametrize("filled", ["flows", "holdings"])
def test_it_builds_with_one_feed(file, year, filled):
    flows, holdings = ([row for row in rows if row[1] < date(2024, 2, 6)] for rows in year)
    make_feeds(file, flows if filled == "flows" else [], holdings if filled == "holdings" else [])
    dbt(file, "build", "--exclude-resource-type", "unit_test")
    rows = mart(file).values()
    if filled == "flows":
        assert {row["n_sources"] for row in rows} == {1}
        assert {row["btc_held"] for row in rows} == {None}
    else:
        assert {row["n_sources"] for row in rows} == {0}
        assert {row["cumulative_reason"] for row in rows} == {"not_covered_from_listing"}


def test_it_builds_without_a_row(file):
    """Here the unit tests of the models run too: they need the tables, not what is in them."""
    make_feeds(file)
    statuses = dbt(file, "build")
    assert set(statuses.values()) <= {"success", "pass"}
    assert statuses.keys() >= {"etf_flows", "int_etf_value_split"}
    assert not mart(file)


def test_a_row_sum_off_by_more_than_its_tolerance_warns_and_the_rows_stay(file):
    """0.15 US$m on a settled session, 0.6 while it is provisional; just at the tolerance is fine."""
    seen = datetime(2024, 3, 1, 14)
    tolerances = {date(2024, 2, 5): (150_000, False), date(2024, 2, 6): (150_001, False)}
    tolerances |= {date(2024, 2, 7): (600_000, True), date(2024, 2, 8): (600_001, True)}
    flows = [
        (fund, on, 1_000_000, None, "reported", 2_000_000 + off, provisional, *lineage("farside", 1, seen))
        for on, (off, provisional) in tolerances.items()
        for fund in ("ibit", "fbtc")
    ]
    make_feeds(file, flows)
    name = "farside_funds_sum_to_its_printed_total"
    statuses = dbt(file, "build", "--select", "stg_farside__etf_flows", name)
    assert statuses[name] == "warn"
    results = json.loads((file.parent / "target" / "run_results.json").read_text())["results"]
    assert [result["failures"] for result in results if name in result["unique_id"]] == [2]
    with duckdb.connect(file, read_only=True) as connection:
        assert connection.execute("select count(*) from staging.stg_farside__etf_flows").fetchone() == (8,)
