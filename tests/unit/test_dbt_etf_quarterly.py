"""marts.etf_quarterly against a second reading of its rules, in plain Python, on five made-up quarters.

The feeds have what quarters have: cells that are missing, a second source that fills one, two holdings sources that
are not both there at every quarter end, funds printed a session late, a spin-off, a listing inside a quarter, filings
of some. Every column of every row is compared. Nothing here knows the models; the rules are those of the data model.
"""
# ruff: noqa: DTZ001 (instants in the warehouse are naive UTC)

from __future__ import annotations

import random
import shutil
from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from dbt_build import build, dbt, make_feeds, observed, receipt, rows_of, seed

AS_OF = datetime(2025, 2, 14, 12)
WINDOW = (date(2024, 2, 15), date(2025, 1, 24))
CLOSED = {row["date"] for row in seed("market_exceptions") if row["kind"] == "closed"}
SESSIONS = [
    on
    for n in range((AS_OF.date() - date(2024, 1, 11)).days + 1)
    if (on := date(2024, 1, 11) + timedelta(n)).weekday() < 5 and on.isoformat() not in CLOSED
]
NUMBER = {on: n for n, on in enumerate(SESSIONS)}
FUNDS = {row["fund_id"]: row for row in seed("funds") if row["listed_on"] <= AS_OF.date().isoformat()}
LISTED = {fund: date.fromisoformat(row["listed_on"]) for fund, row in FUNDS.items()}
RANKS = {row["source_id"]: int(row["rank_holding"] or 99) for row in seed("sources")}
LAGS = {(row["source_id"], row["fund_id"]): int(row["lag_sessions"]) for row in seed("fund_reporting_lags")}
ACTIONS = {
    (row["fund_id"], date.fromisoformat(row["booked_on"])): Decimal(row["btc_amount"])
    for row in seed("corporate_actions")
    if row["btc_amount"]
}
SPUN_OFF = Decimal("26935.83753443")
ENDS = {  # quarter -> its last session; Good Friday and a Sunday in 2024-03, a Saturday and a Sunday in 2024-06
    date(2024, 1, 1): date(2024, 3, 28),
    date(2024, 4, 1): date(2024, 6, 28),
    date(2024, 7, 1): date(2024, 9, 30),
    date(2024, 10, 1): date(2024, 12, 31),
}
QUARTERS = [*ENDS, date(2025, 1, 1)]
END_BEFORE, END = date(2024, 6, 28), date(2024, 9, 30)
NOT_REPORTED = {("fbtc", date(2024, 10, 8)), ("fbtc", date(2024, 10, 9)), ("btcw", date(2024, 2, 21))}
BY_BITBO = ("fbtc", date(2024, 10, 9))
NOT_PRINTED = {
    ("ishares", "ibit", date(2024, 9, 30)),
    ("btcetffundflow", "arkb", date(2024, 12, 31)),
    ("btcetffundflow", "btcw", date(2024, 2, 21)),
}
SMALL = {"btcw", "ezbc"}


def quarter_of(on: date) -> date:
    return date(on.year, (on.month - 1) // 3 * 3 + 1, 1)


def end_of(quarter: date) -> date:
    return (quarter.replace(day=28) + timedelta(66)).replace(day=1) - timedelta(1)


# ---------------------------------------------------------------- five quarters of feeds


def price(on: date) -> int:
    return 40_000 + 100 * NUMBER[on]


def made_up_flows() -> dict[tuple[str, date], Decimal]:
    """US dollars. The second quarter nets to almost nothing over all funds, the third to an outflow."""
    dice = random.Random(20240401)
    flows = {}
    for on in SESSIONS:
        drift = {1: 3, 2: 0, 3: -6, 4: 5}[(on.month + 2) // 3]
        for fund in FUNDS:
            if on >= LISTED[fund] and fund != "defi":
                size = 1 if fund in SMALL else 40
                flows[fund, on] = Decimal(dice.randint(-9 + drift, 10 + drift) * size) * 100_000
    second = [value for (fund, on), value in flows.items() if quarter_of(on) == date(2024, 4, 1)]
    flows["fbtc", date(2024, 6, 28)] -= sum(second) - 100_000
    return flows


def made_up_filings() -> list[dict]:
    """Two for each quarter end, the earlier one wrong; of every fund only for the third quarter."""
    dice = random.Random(20240331)
    filings = []
    for quarter in ENDS:
        some = FUNDS if quarter == date(2024, 7, 1) else ["gbtc", "btc_grayscale_mini", "ibit"]
        for fund in [fund for fund in some if LISTED[fund] <= end_of(quarter)]:
            for accession, days, btc in (("b", 40, dice.randint(1, 9) * 10_000), ("a", 31, 77)):
                filed_on = end_of(quarter) + timedelta(days)
                row = {"fund_id": fund, "period_end": end_of(quarter), "form": "10-Q", "tag": "t"}
                row |= {"accession": accession, "filed_on": filed_on, "btc_held": Decimal(btc)}
                filings.append(observed("edgar", datetime(filed_on.year, filed_on.month, filed_on.day, 20), **row))
    return filings


def made_up_feeds() -> dict[str, list[dict]]:
    dice = random.Random(20240111)
    feeds: dict[str, list[dict]] = defaultdict(list)
    flows = made_up_flows()
    for (fund, on), value in flows.items():
        seen = datetime(on.year, on.month, on.day) + timedelta(days=1, hours=14)
        common = {"fund_id": fund, "trade_date": on, "flow_basis": "reported", "is_provisional": False}
        if (fund, on) not in NOT_REPORTED and not (fund in SMALL and dice.random() < 0.02):
            feeds["farside__etf_flows"].append(observed("farside", seen, **common, net_flow_usd=value))
        if (fund, on) == BY_BITBO:
            common["flow_basis"] = "holdings_derived"
            feeds["bitbo__etf_flows"].append(observed("bitbo", seen, **common, net_flow_usd=value + 1))
    for fund in FUNDS:
        held = Decimal({"gbtc": 600_000, "fbtc": 300_000, "btcw": 3_000, "ezbc": 3_000}.get(fund, 60_000))
        held = SPUN_OFF + 10_000 if fund == "btc_grayscale_mini" else held
        before = None if FUNDS[fund]["starts_empty"] == "true" else held
        for on in [on for on in SESSIONS if on >= LISTED[fund] and fund != "defi"]:
            held += (flows[fund, on] / price(on)).quantize(Decimal("0.0001"))
            if fund == "gbtc" and on == date(2024, 7, 29):
                held -= SPUN_OFF
            for source, off in (("btcetffundflow", 0), ("ishares", Decimal("0.5"))):
                printed = before if LAGS.get((source, fund)) else held
                is_there = source == "btcetffundflow" or (fund == "ibit" and on >= date(2024, 3, 1))
                if not is_there or printed is None or (source, fund, on) in NOT_PRINTED:
                    continue
                row = {"fund_id": fund, "trade_date": on, "btc_held": printed + off, "is_estimated": False}
                is_exact = row["btc_held"] == row["btc_held"].quantize(Decimal("0.0001"))
                row["aum_usd"] = row["btc_held"] * price(on) if is_exact and on not in ENDS.values() else None
                seen = datetime(on.year, on.month, on.day) + timedelta(days=1, hours=9)
                feeds[f"{source}__etf_holdings"].append(observed(source, seen, **row))
            before = held
    for on in ENDS.values():  # one fund makes the price of the session; the others' value is derived
        for row in feeds["btcetffundflow__etf_holdings"]:
            if row["fund_id"] == "bitb" and row["trade_date"] == on:
                row["aum_usd"] = row["btc_held"] * price(on)
    feeds["edgar__etf_quarter_ends"] = made_up_filings()
    return feeds


# ---------------------------------------------------------------- the rules, once more


class Known:
    """What the feeds say, asked for one fund and session at a time."""

    def __init__(self, feeds: dict[str, list[dict]]) -> None:
        self.flow, self.prints, self.filings = {}, defaultdict(dict), {}
        for name in ("bitbo__etf_flows", "farside__etf_flows"):  # the better one last
            for row in feeds[name]:
                self.flow[row["fund_id"], row["trade_date"]] = (row["net_flow_usd"], row["source_id"])
        for name in ("btcetffundflow__etf_holdings", "ishares__etf_holdings"):
            for row in feeds[name]:
                self.prints[row["source_id"], row["fund_id"]][row["trade_date"]] = row
        for row in sorted(feeds["edgar__etf_quarter_ends"], key=lambda row: row["filed_on"]):
            self.filings[row["fund_id"], row["period_end"]] = row["btc_held"]

    def sources(self, fund: str) -> list[str]:
        return sorted((source for source, of in self.prints if of == fund), key=lambda source: (RANKS[source], source))

    def speaker(self, fund: str, on: date) -> str | None:
        """A source that prints a neighbouring session too comes first, then the better rank."""
        there = [source for source in self.sources(fund) if on in self.prints[source, fund]]

        def is_alone(source: str) -> bool:
            beside = (NUMBER[on] - 1, NUMBER[on] + 1)
            return not any(SESSIONS[n] in self.prints[source, fund] for n in beside if 0 <= n < len(SESSIONS))

        return min(there, key=is_alone, default=None)

    def held(self, fund: str, on: date) -> Decimal | None:
        source = self.speaker(fund, on)
        return self.prints[source, fund][on]["btc_held"] if source else None

    def aum(self, fund: str, on: date) -> Decimal | None:
        source = self.speaker(fund, on)
        if source is None:
            return None
        row = self.prints[source, fund][on]
        return (row["aum_usd"] or row["btc_held"] * price(on)).quantize(Decimal("0.01"))

    def flow_btc(self, fund: str, on: date) -> tuple[Decimal, str] | None:
        for source in self.sources(fund):
            prints = self.prints[source, fund]
            at = NUMBER[on] + LAGS.get((source, fund), 0)
            if at >= len(SESSIONS) or SESSIONS[at] not in prints:
                continue
            is_first = on == LISTED[fund] and FUNDS[fund]["starts_empty"] == "true" and SESSIONS[at] == min(prints)
            if at and SESSIONS[at - 1] in prints:
                base = prints[SESSIONS[at - 1]]["btc_held"]
            elif is_first:
                base = Decimal(0)
            else:
                continue
            return prints[SESSIONS[at]]["btc_held"] - base - ACTIONS.get((fund, SESSIONS[at]), 0), source
        return None

    def change(self, fund: str, quarter: date) -> tuple[Decimal, str] | None:
        """By the best source that prints both ends; from nothing in the quarter of the listing."""
        before = ENDS.get(quarter_of(quarter - timedelta(1)))
        for source in self.sources(fund):
            prints = self.prints[source, fund]
            if before in prints and ENDS[quarter] in prints:
                return prints[ENDS[quarter]]["btc_held"] - prints[before]["btc_held"], source
        if quarter_of(LISTED[fund]) == quarter and FUNDS[fund]["starts_empty"] == "true":
            source = self.speaker(fund, ENDS[quarter])
            return (self.held(fund, ENDS[quarter]), source) if source else None
        return None


def scopes() -> dict[tuple[str, str], set[str]]:
    members = defaultdict(set)
    for fund, row in FUNDS.items():
        members["fund", fund].add(fund)
        members["issuer", row["issuer_id"]].add(fund)
    for row in seed("fund_universes"):
        if row["fund_id"] in FUNDS:
            members["universe", row["fund_universe"]].add(row["fund_id"])
    return members


def needed_on(known: Known, members: set[str]) -> dict[tuple[str, date], tuple[bool, bool]]:
    """Whether the scope needs a member's flow, and its holding: not while it last had at most 1 %, or if never seen."""
    has_flow = {fund for fund, _ in known.flow}
    has_print = {fund for _, fund in known.prints}
    above: dict[str, bool] = {}
    needed = {}
    for on in SESSIONS:
        held = {fund: known.held(fund, on) for fund in members if on >= LISTED[fund]}
        total = sum(value for value in held.values() if value is not None)
        above |= {fund: value * 100 > total for fund, value in held.items() if value is not None}
        for fund in held:
            needed[fund, on] = above.get(fund, fund in has_flow), above.get(fund, fund in has_print)
    return needed


def quarter_of_scope(known: Known, members: set[str], needed: dict, quarter: date) -> dict | None:
    """All that the quarter's own rows say: flows, holdings, filings."""
    days = [on for on in SESSIONS if quarter_of(on) == quarter]
    listed = {on: sorted(fund for fund in members if LISTED[fund] <= on) for on in days}
    days = [on for on in days if listed[on]]
    if not days:
        return None
    row = {"quarter_end": end_of(quarter), "sessions": len(days)}
    flows, flows_btc, present, positive, lacks_btc, sources = [], [], 0, 0, False, set()
    for on in days:
        reported = {fund: known.flow.get((fund, on)) for fund in listed[on]}
        values = [flow[0] for flow in reported.values() if flow]
        flows += values
        sources |= {flow[1] for flow in reported.values() if flow}
        is_present = bool(values) and not any(needed[fund, on][0] for fund in listed[on] if not reported[fund])
        present += is_present
        positive += is_present and sum(values) > 0
        for fund in listed[on]:
            in_btc = known.flow_btc(fund, on)
            if in_btc:
                flows_btc.append(in_btc[0])
                sources.add(in_btc[1])
            elif reported[fund] and needed[fund, on][1]:
                lacks_btc = True
    row |= {"sessions_present": present, "positive_sessions": positive}
    row["net_flow_usd"] = sum(flows) if flows else None
    row["gross_inflow_usd"] = sum(max(value, Decimal(0)) for value in flows) if flows else None
    row["gross_outflow_usd"] = sum(max(-value, Decimal(0)) for value in flows) if flows else None
    row["net_flow_btc"] = sum(flows_btc) if flows_btc and not lacks_btc else None
    row["is_complete"] = quarter in ENDS and present == len(days)

    end = ENDS.get(quarter)
    everyone = listed[days[-1]]
    needs = {fund: needed[fund, days[-1]][1] for fund in everyone}

    def total(values: dict[str, Decimal | None]) -> Decimal | None:
        if any(needs[fund] for fund, value in values.items() if value is None):
            return None
        some = [value for value in values.values() if value is not None]
        return sum(some) if some else None

    held = {fund: known.held(fund, end) if end else None for fund in everyone}
    change = {fund: known.change(fund, quarter) if end else None for fund in everyone}
    actions = {}
    for fund in everyone:
        is_held = any(known.speaker(fund, on) for on in days)
        booked = [btc for (of, on), btc in ACTIONS.items() if of == fund and quarter_of(on) == quarter]
        actions[fund] = sum(booked, Decimal(0)) if is_held else None
    filed = {fund: known.filings.get((fund, end_of(quarter))) for fund in everyone}
    row["btc_held_end"] = total(held)
    row["btc_held_change"] = total({fund: found[0] if found else None for fund, found in change.items()})
    row["corporate_action_btc"] = total(actions)
    row["aum_end_usd"] = total({fund: known.aum(fund, end) if end else None for fund in everyone})
    row["filing_btc"] = sum(filed.values()) if end and None not in filed.values() else None
    row["filing_difference_pct"] = None
    if row["btc_held_end"] is not None and row["filing_btc"] is not None:
        row["filing_difference_pct"] = float((row["btc_held_end"] / row["filing_btc"] - 1) * 100)
    sources |= {known.speaker(fund, end) for fund in everyone if end} | {found[1] for found in change.values() if found}
    sources |= {"edgar"} if any(filed.values()) else set()
    row["source_ids"] = sorted(source for source in sources if source)
    return row if row["source_ids"] else None


def growth(row: dict, before: dict | None) -> dict:
    base = before["net_flow_usd"] if before else None
    flag, pct = None, None
    if not before or not before["is_complete"] or not row["is_complete"]:
        flag = "incomplete"
    elif base <= 0:
        flag = "base_not_positive"
    elif base * 20 < before["gross_inflow_usd"] + before["gross_outflow_usd"]:
        flag = "base_small"
    else:
        pct = float((row["net_flow_usd"] / base - 1) * 100)
    return {"net_flow_previous_usd": base, "net_flow_qoq_pct": pct, "qoq_flag": flag}


def share(row: dict, of_all: dict) -> dict:
    flag, pct = None, None
    if not row["is_complete"] or not of_all["is_complete"]:
        flag = "incomplete"
    elif abs(of_all["net_flow_usd"]) * 20 < of_all["gross_inflow_usd"] + of_all["gross_outflow_usd"]:
        flag = "near_zero"
    elif of_all["net_flow_usd"] < 0:
        flag = "negative"
    else:
        pct = float(row["net_flow_usd"] / of_all["net_flow_usd"] * 100)
    return {"share_of_total_pct": pct, "denominator_flag": flag}


def expected(feeds: dict[str, list[dict]]) -> dict[tuple, dict]:
    known = Known({name: [row for row in rows if row["fetched_at"] <= AS_OF] for name, rows in feeds.items()})
    rows = {}
    for (scope, scope_id), members in scopes().items():
        needed = needed_on(known, members)
        for quarter in QUARTERS:
            row = quarter_of_scope(known, members, needed, quarter)
            if row:
                rows[scope, scope_id, quarter] = row
    for (scope, scope_id, quarter), row in rows.items():
        before = rows.get((scope, scope_id, quarter_of(quarter - timedelta(1))))
        row.update(growth(row, before) | share(row, rows["universe", "us_all", quarter]))
    return rows


COLUMNS = """scope scope_id quarter_start quarter_end net_flow_usd net_flow_btc gross_inflow_usd gross_outflow_usd
    net_flow_previous_usd net_flow_qoq_pct qoq_flag share_of_total_pct denominator_flag sessions sessions_present
    positive_sessions btc_held_end btc_held_change corporate_action_btc aum_end_usd filing_btc filing_difference_pct
    is_complete source_ids""".split()  # noqa: SIM905 (a list to read)


def same(got: object, want: object) -> bool:
    return abs(got - want) <= 2e-6 if isinstance(got, float) and isinstance(want, float) else got == want


def quarterly(file: Path) -> dict[tuple, dict]:
    rows = rows_of(file, "marts.etf_quarterly")
    return {(row["scope"], row["scope_id"], row["quarter_start"]): row for row in rows}


# ---------------------------------------------------------------- the tests


@pytest.fixture(scope="module")
def feeds() -> dict[str, list[dict]]:
    return made_up_feeds()


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """One path for all builds: dbt parses the project once."""
    return tmp_path_factory.mktemp("quarters") / "outcrop.duckdb"


@pytest.fixture(scope="module")
def built(file, feeds, tmp_path_factory) -> Path:
    make_feeds(file, feeds)
    build(file, "+etf_quarterly", "+etf_flows", as_of=AS_OF, window=WINDOW)
    names = ["quarterly_flows_are_the_sums_of_etf_flows", "the_funds_of_an_issuer_add_up_to_it"]
    tested = dbt(file, "test", "--select", *names, as_of=AS_OF, window=WINDOW)
    assert {name: result["status"] for name, result in tested.items()} == dict.fromkeys(names, "pass")
    home = tmp_path_factory.mktemp("built")
    shutil.copy(file.parent / "target" / "manifest.json", home)
    return Path(shutil.copy(file, home))


@pytest.fixture(scope="module")
def wanted(feeds) -> dict[tuple, dict]:
    return expected(feeds)


def test_every_figure_of_five_quarters_is_what_the_rules_say(built, wanted):
    got = quarterly(built)
    assert list(next(iter(got.values()))) == COLUMNS
    assert got.keys() == wanted.keys()
    differences = [
        (key, name, got[key][name], value)
        for key, row in wanted.items()
        for name, value in row.items()
        if not same(got[key][name], value)
    ]
    assert not differences, differences[:20]


def test_the_quarters_have_every_case_that_the_rules_speak_of(feeds, wanted):
    """So that the comparison above has something to compare."""
    rows = wanted.values()
    assert min(row["btc_held"] for row in feeds["btcetffundflow__etf_holdings"]) > 0
    assert {row["qoq_flag"] for row in rows} == {None, "incomplete", "base_not_positive", "base_small"}
    assert {row["denominator_flag"] for row in rows} == {None, "incomplete", "near_zero", "negative"}
    us_all = {quarter: row for (_, scope_id, quarter), row in wanted.items() if scope_id == "us_all"}
    assert [row["is_complete"] for row in us_all.values()] == [True, True, True, False, False]
    assert us_all[date(2024, 7, 1)]["filing_difference_pct"] is not None
    assert us_all[date(2024, 10, 1)]["btc_held_end"] is None
    grayscale = wanted["issuer", "grayscale", date(2024, 7, 1)]
    assert grayscale["corporate_action_btc"] == 0
    assert wanted["fund", "gbtc", date(2024, 7, 1)]["corporate_action_btc"] == -SPUN_OFF
    assert wanted["fund", "btc_grayscale_mini", date(2024, 7, 1)]["sessions"] == 43
    assert [key for key in wanted if key[1] == "defi"] == [("fund", "defi", date(2024, 7, 1))]


def test_the_window_shows_the_quarters_that_it_has_a_session_of_and_changes_no_figure(built, file):
    shutil.copy(built, file)
    build(file, "etf_quarterly", as_of=AS_OF, window=(date(2024, 6, 30), date(2024, 7, 1)))
    shown = quarterly(file)
    assert {quarter for _, _, quarter in shown} == {date(2024, 7, 1)}
    assert shown == {key: row for key, row in quarterly(built).items() if key[2] == date(2024, 7, 1)}


def test_a_quarter_before_its_end_is_not_complete_and_has_no_holding(file, feeds):
    """The last session of the quarter is printed and reported; the day is not over."""
    cut = datetime(2024, 9, 30, 23, 59)
    known = {
        name: [{**row, "fetched_at": min(row["fetched_at"], datetime(row["trade_date"].year, row["trade_date"].month,
               row["trade_date"].day, 22)), "last_seen_at": cut} for row in rows]
        for name, rows in feeds.items() if "trade_date" in rows[0]
    }  # fmt: skip
    make_feeds(file, known)
    build(file, "+etf_quarterly", as_of=cut)
    row = quarterly(file)["fund", "ibit", date(2024, 7, 1)]
    assert (row["sessions"], row["sessions_present"]) == (64, 64)
    assert row["is_complete"] is False
    assert row["btc_held_end"] is None
    build(file, "+etf_quarterly", as_of=cut + timedelta(minutes=1))
    row = quarterly(file)["fund", "ibit", date(2024, 7, 1)]
    assert row["is_complete"] is True
    assert row["btc_held_end"] is not None


def test_a_sum_of_flows_has_a_receipt_of_every_flow_in_it(built, feeds):
    """Of Grayscale's quarter of the spin-off: both funds, every session of each, and nothing else."""
    manifest, scope = built.with_name("manifest.json"), {"scope": "issuer", "scope_id": "grayscale"}
    key = {**scope, "quarter_start": date(2024, 7, 1)}
    of_quarter = {
        (row["fund_id"], row["trade_date"])
        for row in feeds["farside__etf_flows"]
        if FUNDS[row["fund_id"]]["issuer_id"] == "grayscale" and quarter_of(row["trade_date"]) == date(2024, 7, 1)
    }
    rows = receipt(built, manifest, "marts.etf_quarterly", key, "net_flow_usd")
    cited = {(row["fund_id"], row["trade_date"]) for row in rows if row["table"] == "feeds.farside__etf_flows"}
    assert cited == of_quarter
    before = receipt(built, manifest, "marts.etf_quarterly", key, "net_flow_previous_usd")
    assert {quarter_of(row["trade_date"]) for row in before if "net_flow_usd" in row} == {date(2024, 4, 1)}


@pytest.mark.parametrize(
    ("column", "printed_on", "accessions"),
    [
        ("btc_held_end", {END}, []),
        ("btc_held_change", {END_BEFORE, END}, []),
        ("corporate_action_btc", {END_BEFORE, END}, []),
        ("aum_end_usd", {END}, []),
        ("filing_btc", set(), ["b"]),
        ("filing_difference_pct", {END_BEFORE, END}, ["b"]),
    ],
)
def test_a_holding_has_a_receipt_of_its_print_and_its_filing(built, column, printed_on, accessions):
    """The third quarter of ibit: its own source skips the end, so the other one is cited for both ends."""
    key = {"scope": "fund", "scope_id": "ibit", "quarter_start": date(2024, 7, 1)}
    rows = receipt(built, built.with_name("manifest.json"), "marts.etf_quarterly", key, column)
    prints = {
        (row["source_id"], row["trade_date"]) for row in rows if row.get("fund_id") == "ibit" and "aum_usd" in row
    }
    assert prints == {("btcetffundflow", on) for on in printed_on}
    assert [row["accession"] for row in rows if row["table"] == "feeds.edgar__etf_quarter_ends"] == accessions


def test_a_quarter_that_is_not_the_sum_of_its_sessions_blocks(built, file):
    shutil.copy(built, file)
    with duckdb.connect(str(file)) as connection:
        one = "scope = 'issuer' and scope_id = 'grayscale' and quarter_start = '2024-07-01'"
        connection.execute(f"update marts.etf_quarterly set net_flow_usd = net_flow_usd + 0.01 where {one}")
    names = ["quarterly_flows_are_the_sums_of_etf_flows", "the_funds_of_an_issuer_add_up_to_it"]
    tested = dbt(file, "test", "--select", *names, as_of=AS_OF, window=WINDOW, exit_status=1)
    assert {(result["status"], result["failures"]) for result in tested.values()} == {("fail", 1)}
