"""marts.etf_flows against a second reading of its rules, in plain Python, on a year of made-up feeds (etf_year).

Every column of every row is compared. Nothing here knows the models; the rules are those of the data model.
"""

from __future__ import annotations

import json
import shutil
import statistics
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest
from dbt_build import dbt, make_feeds, observed, rows_of, seed
from etf_prices import RANK_HOLDING, chosen_holdings, known, strike_prices, supplies
from etf_year import (
    AS_OF,
    EVE,
    FUNDS,
    LAGS,
    NUMBER,
    SESSIONS,
    SOURCES,
    TRANSFERS,
    UNIVERSES,
    Feeds,
    day,
    made_up_year,
    sessions_of,
    strike_of,
)

FIRST, LAST = date(2024, 1, 16), date(2025, 1, 24)
UNIVERSE = UNIVERSES["us_all"]
ACTIONS = {(row["fund_id"], day(row["booked_on"])): Decimal(row["btc_amount"]) for row in TRANSFERS}
RANK_FLOW = {name: int(row["rank_flow"]) for name, row in SOURCES.items() if row["rank_flow"]}


def mart(file: Path) -> dict[tuple[str, date], dict]:
    return {(row["fund_id"], row["trade_date"]): row for row in rows_of(file, "marts.etf_flows")}


# ---------------------------------------------------------------- the rules, once more


def cents(value: Decimal | None, places: str = "0.01") -> Decimal | None:
    return None if value is None else value.quantize(Decimal(places), ROUND_HALF_UP)


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


def observations(flows: dict) -> dict[tuple[str, date], dict[str, list[dict]]]:
    """All that the sources say, less the derived flows of a session on which a source has 0 for every fund."""
    seen: dict[tuple[str, date], set[Decimal]] = {}
    for (_, on), by_source in flows.items():
        for source, runs in by_source.items():
            seen.setdefault((source, on), set()).add(runs[-1]["net_flow_usd"])

    def is_one(source: str, on: date, latest: dict) -> bool:
        return latest["flow_basis"] == "reported" or seen[source, on] != {Decimal(0)}

    return {
        (fund, on): {source: runs for source, runs in by_source.items() if is_one(source, on, runs[-1])}
        for (fund, on), by_source in flows.items()
    }


def flow_in_bitcoin(prints: dict, fund: str, n: int, on: date) -> tuple[Decimal, str] | None:
    """Read where the source prints it, from the best source that has both ends."""
    for source in sorted(RANK_HOLDING, key=lambda source: (RANK_HOLDING[source], source)):
        at = NUMBER[on] + LAGS.get((source, fund), 0)
        after = prints.get((fund, SESSIONS[at]), {}).get(source) if at < len(SESSIONS) else None
        before = prints.get((fund, SESSIONS[at - 1]), {}).get(source) if at else None
        if after and before:
            q0 = before[-1]["btc_held"]
        elif after and n == 0 and FUNDS[fund]["starts_empty"] == "true":
            q0 = Decimal(0)
        else:
            continue
        return after[-1]["btc_held"] - q0 - ACTIONS.get((fund, SESSIONS[at]), 0), source
    return None


def expected(feeds: Feeds) -> dict[tuple[str, date], dict]:  # noqa: PLR0912, PLR0915
    flows, prints = observations(known(feeds, "etf_flows")), known(feeds, "etf_holdings")
    held = chosen_holdings(prints)
    strikes, used = strike_prices(feeds, held)
    issued = supplies(feeds)

    def q(fund: str, d: date | None) -> Decimal | None:
        return held[fund, d]["btc_held"] if (fund, d) in held else None

    def aum(fund: str, d: date | None) -> Decimal | None:
        if (fund, d) not in held:
            return None
        if (fund, d) in used:
            return held[fund, d]["aum_usd"]
        return cents(held[fund, d]["btc_held"] * strikes[d]) if d in strikes else None

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
        by_rank = {
            d: sorted(flows.get((fund, d), {}).values(), key=lambda runs: RANK_FLOW[runs[0]["source_id"]]) for d in days
        }
        usd = [by_rank[d][0][-1]["net_flow_usd"] if by_rank[d] else None for d in days]
        btc: list[Decimal | None] = []
        streak, reign = 0, 0
        for n, d in enumerate(days):
            before = days[n - 1] if n else None
            yesterday = SESSIONS[NUMBER[d] - 1] if NUMBER[d] else EVE
            row = rows[fund, d] = dict.fromkeys(COLUMNS)
            row |= {"fund_id": fund, "trade_date": d, "supply_reason": None if d in issued else "height_missing"}
            row |= {name: facts[name] for name in ("ticker", "fund_name", "issuer_id")}
            row["nav_strike_at"] = strike_of(d)
            row["n_sources"] = len(by_rank[d])
            if by_rank[d]:
                runs, latest = by_rank[d][0], by_rank[d][0][-1]
                changed = [b["fetched_at"] for a, b in pairwise(runs) if a["net_flow_usd"] != b["net_flow_usd"]]
                row |= {name: latest[name] for name in ("net_flow_usd", "source_id", "flow_basis", "is_provisional")}
                row |= {"source_rank": RANK_FLOW[latest["source_id"]], "first_seen_at": runs[0]["fetched_at"]}
                row["revised_at"] = max(changed, default=None)
            if len(by_rank[d]) > 1:
                row["disagreement_usd"] = usd[n] - by_rank[d][1][-1]["net_flow_usd"]
                row["disagreement_pct"] = float(row["disagreement_usd"] / abs(usd[n]) * 100) if usd[n] else None

            in_btc = flow_in_bitcoin(prints, fund, n, d)
            btc.append(in_btc[0] if in_btc else None)
            row["net_flow_btc"] = btc[-1]

            row["strike_price_usd"] = strikes.get(d)
            row["split_reason"] = "session_missing"
            if d in issued and (fund, d) not in held:
                row["supply_reason"] = "holding_missing"
            if (fund, d) in held:
                action = ACTIONS.get((fund, d), Decimal(0))
                this, last = held[fund, d], held.get((fund, before))
                q1, q0 = q(fund, d), (q(fund, before) if n else Decimal(0) if empty else None)
                a1, a0 = aum(fund, d), (aum(fund, before) if n else Decimal(0) if empty else None)
                p1, p0 = strikes.get(d), strikes.get(yesterday)
                same_source = prints.get((fund, before), {}).get(this["source_id"])
                base = same_source[-1]["btc_held"] if same_source else Decimal(0) if empty and n == 0 else None
                row["share_of_supply_pct"] = float(q1 / issued[d] * 100) if d in issued else None
                row |= {"btc_held": q1, "holdings_source_id": this["source_id"], "is_estimated": this["is_estimated"]}
                row |= {"corporate_action_btc": action, "btc_held_change": None if base is None else q1 - base}
                row |= {"aum_usd": a1, "aum_basis": a1 and ("reported" if (fund, d) in used else "derived")}
                row["market_value_usd"] = cents(q1 * p1) if p1 else None
                if this.get("shares_outstanding"):
                    row |= {"nav_per_share_usd": Decimal("57.25"), "shares_outstanding": this["shares_outstanding"]}
                    row["btc_per_share"] = q1 / this["shares_outstanding"]
                if last and last["source_id"] != this["source_id"]:
                    row["split_reason"] = "source_switch"
                elif q0 is None:
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
            if usd[n] is not None:
                sign = (usd[n] > 0) - (usd[n] < 0)
                streak = streak + sign if sign and streak * sign >= 0 else sign
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
            if empty and (cum_usd or 0) > 0 and (cum_btc or 0) > 0:
                row["mean_cost_usd"] = cum_usd / cum_btc
            used_sources = {row["source_id"], row["holdings_source_id"], in_btc and in_btc[1]}
            row["source_ids"] = sorted(used_sources - {None})
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
    "fee_accrual_usd": 0.011, "sponsor_fee_pct": 1.1e-4, "disagreement_pct": 2e-6,
    "share_of_supply_pct": 2e-6,
}  # fmt: skip


def same(name: str, got: object, want: object) -> bool:
    if got is None or want is None or name not in PLACES:
        return got == want
    return abs(float(got) - float(want)) <= PLACES[name]


# ---------------------------------------------------------------- the tests


@pytest.fixture(scope="module")
def year() -> Feeds:
    return made_up_year()


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """One path for all builds: dbt parses the project once."""
    return tmp_path_factory.mktemp("dbt") / "outcrop.duckdb"


@pytest.fixture(scope="module")
def built(file, year, tmp_path_factory) -> Path:
    """The year, built as the daily run builds it, with a window inside it; and the manifest beside it."""
    make_feeds(file, year)
    results = dbt(file, "build", "--exclude-resource-type", "unit_test", as_of=AS_OF, window=(FIRST, LAST))
    assert results["spin_off_is_neither_a_redemption_nor_a_creation"]["status"] == "pass"
    home = tmp_path_factory.mktemp("year")
    shutil.copy(file.parent / "target" / "manifest.json", home)
    return Path(shutil.copy(file, home))


def test_every_figure_of_a_year_is_what_the_rules_say(built, year):
    """The window slices: rows outside are not shown, and no figure inside is different for it."""
    got = mart(built)
    want = {key: row for key, row in expected(year).items() if FIRST <= key[1] <= LAST}
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
    assert set(COLUMNS) == shown
    assert {None, "height_missing", "holding_missing"} == {row["supply_reason"] for row in got.values()}
    assert {"source_switch", "session_missing"} <= {row["split_reason"] for row in got.values()}


def test_a_fund_that_starts_empty_has_a_split_on_its_first_session(built, file, year):
    """From the strike of the session before, which no fund has traded on; nothing is shown of that one."""
    shutil.copy(built, file)
    dbt(file, "run", "--select", "etf_flows", as_of=AS_OF, window=(None, FIRST))
    got, want = mart(file), {key: row for key, row in expected(year).items() if key[1] <= FIRST}
    assert got.keys() == want.keys()
    assert not [key for key, row in want.items() if any(not same(name, got[key][name], row[name]) for name in row)]
    splits = {fund: row["split_reason"] for (fund, on), row in got.items() if on == SESSIONS[0] and row["btc_held"]}
    assert splits["gbtc"] == "first_session"
    assert splits["ibit"] is None
    assert got["ibit", SESSIONS[0]]["price_effect_usd"] != 0


def test_a_switch_of_the_holdings_source_leaves_no_hole_in_the_flow(built):
    """The split has one, for it differences one source only; the flow is another source's where that has both ends."""
    switches = [row for row in mart(built).values() if row["split_reason"] == "source_switch"]
    assert len(switches) > 5
    assert {row["net_flow_btc"] is None for row in switches} == {False}


def test_every_figure_has_a_receipt_down_to_the_feeds(built):
    """Walk `config.meta.receipt` from a row of the mart to the rows of the feeds that it came from."""
    manifest = json.loads(built.with_name("manifest.json").read_text())
    receipts = {
        f"{node['schema']}.{node['name']}": node["config"]["meta"].get("receipt", [])
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
    }
    of_no_feed = {"fund_id", "trade_date", "ticker", "fund_name", "issuer_id", "nav_strike_at", "source_ids",
                  "supply_reason", "split_reason", "cumulative_reason"}  # fmt: skip
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

        keys = [("ibit", date(2024, 5, 14)), ("gbtc", date(2024, 7, 30)), ("btc_grayscale_mini", date(2024, 8, 1))]
        cited = set()
        for key in keys:
            row = mart(built)[key]
            for name in set(COLUMNS) - of_no_feed:
                feeds = walk("marts.etf_flows", row, name)
                cited |= feeds
                assert feeds or row[name] is None, (key, name)
                if name == "strike_price_usd":
                    assert feeds == {"feeds.defillama__prices_hourly"}
                if name == "share_of_supply_pct":
                    assert "feeds.mempool__block_heights" in feeds
                if name.startswith(("net_flow_usd", "first_seen", "streak")):
                    assert f"feeds.{row['source_id']}__etf_flows" in feeds
                if name in ("btc_held", "corporate_action_btc", "shares_outstanding") and row[name] is not None:
                    assert feeds == {f"feeds.{row['holdings_source_id']}__etf_holdings"}
        assert {"feeds.farside__etf_flows", "feeds.ishares__etf_holdings"} < cited


@pytest.mark.parametrize("filled", ["etf_flows", "etf_holdings"])
def test_it_builds_with_one_feed(file, year, filled):
    early = {
        name: [row for row in rows if row["trade_date"] < date(2024, 2, 6)]
        for name, rows in year.items()
        if name in ("farside__etf_flows", "btcetffundflow__etf_holdings") and name.endswith(filled)
    }
    make_feeds(file, early)
    dbt(file, "build", "--exclude-resource-type", "unit_test", as_of=AS_OF, window=(FIRST, LAST))
    rows = mart(file).values()
    if filled == "etf_flows":
        assert {row["n_sources"] for row in rows} == {1}
        assert {row["btc_held"] for row in rows} == {None}
    else:
        assert {row["n_sources"] for row in rows} == {0}
        assert {row["cumulative_reason"] for row in rows} == {"not_covered_from_listing"}
    assert {row["supply_reason"] for row in rows} == {"no_supply_feed"}


def test_it_builds_without_a_row(file):
    """Here the unit tests of the models run too: they need the tables, not what is in them."""
    make_feeds(file, {})
    results = dbt(file, "build", as_of=AS_OF)
    assert {result["status"] for result in results.values()} <= {"success", "pass"}
    assert results.keys() >= {"etf_flows", "int_etf_value_split"}
    with duckdb.connect(file, read_only=True) as connection:
        marts = connection.execute("select table_name from duckdb_tables() where schema_name = 'marts'").fetchall()
        counts = {name: connection.execute(f"select count(*) from marts.{name}").fetchone() for (name,) in marts}
    assert len(counts) >= 12
    assert set(counts.values()) == {(0,)}


def test_a_row_sum_off_by_more_than_its_tolerance_warns_and_the_rows_stay(file):
    """0.15 US$m on a settled session, 0.6 while it is provisional; just at the tolerance is fine."""
    seen = datetime.combine(date(2024, 3, 1), datetime.min.time())
    tolerances = {date(2024, 2, 5): (150_000, False), date(2024, 2, 6): (150_001, False)}
    tolerances |= {date(2024, 2, 7): (600_000, True), date(2024, 2, 8): (600_001, True)}
    flows = [
        observed(
            "farside", seen, fund_id=fund, trade_date=on, net_flow_usd=1_000_000, flow_basis="reported",
            printed_total_usd=2_000_000 + off, is_provisional=provisional,
        )
        for on, (off, provisional) in tolerances.items()
        for fund in ("ibit", "fbtc")
    ]  # fmt: skip
    make_feeds(file, {"farside__etf_flows": flows})
    results = dbt(file, "build", "--exclude-resource-type", "unit_test", as_of=AS_OF)
    warned = results["the_funds_of_a_flow_source_sum_to_its_printed_total"]
    assert (warned["status"], warned["failures"]) == ("warn", 2)
    assert len(mart(file)) == len(flows)
