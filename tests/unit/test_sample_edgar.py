"""What the filings in the simulated EDGAR state at each pull, beside what is true in the world."""

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from simulated import SEEDS, session_at

from pipelines.sample import PULLS
from pipelines.sample.world import World

WORLD = World(SEEDS)
GOOD_FRIDAY, JUNE, SPIN_OFF, OCTOBER, LAST = PULLS
CIKS = {fund_id: cik for cik, fund_id in SEEDS.fund_aliases("edgar").items()}
MINI = "btc_grayscale_mini"
FUNDS = sorted(CIKS.keys() - {MINI})
STEP = {"fbtc": Decimal(1), "ibit": Decimal(1)}
QUARTERS = [date(2024, 3, 31), date(2024, 6, 30), date(2024, 9, 30)]
OUT = {GOOD_FRIDAY: 0, JUNE: 1, SPIN_OFF: 1, OCTOBER: 2, LAST: 3}
"""How many quarter ends since the listing the filings have stated at each pull."""


@cache
def company(fund_id: str, pull: datetime) -> dict[str, Any]:
    answer = session_at(pull).get(f"https://data.sec.gov/api/xbrl/companyfacts/CIK{CIKS[fund_id]}.json")
    assert answer.headers["Content-Type"].startswith("application/json")
    return json.loads(answer.text, parse_float=Decimal)


def facts(fund_id: str, pull: datetime, tag: str, taxonomy: str = "us-gaap") -> list[dict[str, Any]]:
    units = company(fund_id, pull)["facts"].get(taxonomy, {}).get(tag, {"units": {}})["units"]
    return [fact for unit in units.values() for fact in unit]


def coins(fund_id: str, pull: datetime) -> list[dict[str, Any]]:
    [(taxonomy, tag)] = SEEDS.filing_tags[fund_id]
    return facts(fund_id, pull, tag, taxonomy)


def held_btc(fund_id: str, on: date) -> Decimal:
    """What is true after the last session of a quarter."""
    return WORLD.held_btc(fund_id, max(session for session in WORLD.sessions if session <= on))


def by_filing(rows: list[dict[str, Any]]) -> dict[tuple[str, str], Any]:
    return {(row["accn"], row["end"]): row["val"] for row in rows}


@pytest.mark.parametrize("pull", PULLS)
@pytest.mark.parametrize("fund_id", FUNDS)
def test_filings_count_the_bitcoin_of_the_quarter_ends_before_them(fund_id: str, pull: datetime):
    rows = [row for row in coins(fund_id, pull) if row["end"] >= "2024"]
    assert sorted({row["end"] for row in rows}) == [end.isoformat() for end in QUARTERS[: OUT[pull]]]
    for row in rows:
        true = held_btc(fund_id, date.fromisoformat(row["end"]))
        assert row["val"] == true.quantize(STEP.get(fund_id, Decimal("0.0001")))
        assert date.fromisoformat(row["filed"]) <= pull.date()


@pytest.mark.parametrize("fund_id", FUNDS)
def test_a_filing_comes_five_to_nine_weeks_after_its_quarter_and_repeats_the_one_before(fund_id: str):
    filings: dict[str, list[dict[str, Any]]] = {}
    for row in coins(fund_id, LAST):
        filings.setdefault(row["accn"], []).append(row)
    for rows in filings.values():
        own = date.fromisoformat(max(row["end"] for row in rows))
        [filed_on] = {date.fromisoformat(row["filed"]) for row in rows}
        assert timedelta(weeks=5) <= filed_on - own <= timedelta(weeks=9)
        assert SEEDS.is_session(filed_on)
        assert {(row["fy"], row["fp"]) for row in rows} == {
            (own.year, "FY" if own.month == 12 else f"Q{own.month // 3}")
        }
    assert [len(rows) for rows in filings.values()] == ([1, 2, 2, 2] if fund_id == "gbtc" else [1, 2, 2])


def test_a_filing_is_there_from_the_day_it_is_filed():
    filed_on = datetime.fromisoformat(min(row["filed"] for row in coins("ibit", LAST)))
    assert coins("ibit", filed_on - timedelta(minutes=1)) == []
    assert len(coins("ibit", filed_on)) == 1


def test_only_the_converted_trust_filed_before_it_was_listed():
    early = {fund_id: [row for row in coins(fund_id, LAST) if row["end"] < "2024"] for fund_id in CIKS}
    assert {fund_id for fund_id, rows in early.items() if rows} == {"gbtc"}
    assert [(row["form"], row["val"]) for row in early["gbtc"]] == [
        ("10-K", WORLD.opening_btc("gbtc").quantize(Decimal("0.0001"))),
        ("10-Q", WORLD.opening_btc("gbtc").quantize(Decimal("0.0001"))),
    ]


def test_the_unit_is_written_in_two_ways_by_the_trust():
    units = company("gbtc", LAST)["facts"]["us-gaap"]["InvestmentOwnedBalanceContracts"]["units"]
    assert list(units) == ["NUMBER", "Number"]
    assert {row["form"] for row in units["NUMBER"]} == {"10-K"}


def test_a_fund_without_a_filing_has_a_page_without_facts():
    for pull in (GOOD_FRIDAY, JUNE, SPIN_OFF, OCTOBER):
        assert company(MINI, pull) == {"cik": 2015034, "entityName": "Grayscale Bitcoin Mini Trust ETF", "facts": {}}


def test_a_reverse_split_restates_the_shares_and_leaves_the_coins():
    """Five old shares became one on 2024-11-19, between the filing and its amendment."""
    first, again = facts(MINI, LAST, "SharesOutstanding")
    assert (first["form"], again["form"]) == ("10-Q", "10-Q/A")
    assert first["end"] == again["end"] == "2024-09-30"
    assert first["filed"] < "2024-11-19" < again["filed"]
    assert abs(Decimal(first["val"]) / again["val"] - 5) < Decimal("0.00001")
    assert by_filing(coins(MINI, LAST)) == {
        (row["accn"], "2024-09-30"): held_btc(MINI, QUARTERS[2]).quantize(Decimal("0.0001")) for row in (first, again)
    }
    covers = facts(MINI, LAST, "EntityCommonStockSharesOutstanding", "dei")
    assert Decimal(covers[0]["val"]) / covers[1]["val"] > 4


@pytest.mark.parametrize("fund_id", FUNDS)
def test_dollars_and_shares_of_a_filing_fit_its_coins(fund_id: str):
    held, value, net = (
        by_filing(rows)
        for rows in (
            coins(fund_id, LAST),
            facts(fund_id, LAST, "InvestmentOwnedAtFairValue"),
            facts(fund_id, LAST, "AssetsNet"),
        )
    )
    shares = by_filing(facts(fund_id, LAST, "SharesOutstanding"))
    assert held.keys() == value.keys() == net.keys() == shares.keys()
    ratios = [Decimal(held[key]) / shares[key] for key in sorted(held, key=lambda key: key[1])]
    for key in held:
        assert 30_000 < value[key] / held[key] < 120_000
        assert Decimal("0.998") < Decimal(net[key]) / value[key] < 1
        assert (value[key] % 1000 == 0) is (fund_id != "ibit")
    assert all(after <= before * Decimal("1.000001") for before, after in pairwise(ratios))


def test_the_fact_filed_last_for_a_quarter_end_carries_its_frame():
    rows = [row for row in coins("arkb", LAST) if row["end"] == "2024-03-31"]
    assert ["frame" in row for row in sorted(rows, key=lambda row: row["filed"])] == [False, True]
    assert rows[-1]["frame"] == "CY2024Q1I"


@pytest.mark.parametrize("name", ["CIK0001838028.json", "CIK1980994.json", "CIK0001980994", "CIK0001980994.xml"])
def test_other_companies_and_spellings_are_not_found(name: str):
    assert session_at(LAST).get(f"https://data.sec.gov/api/xbrl/companyfacts/{name}").status_code == 404


def test_facts_have_the_keys_of_the_recorded_ones(recording: Any):
    recorded = json.loads(recording("edgar/companyfacts_CIK0001588489_ASSEMBLED.json").read_text())
    printed = company("gbtc", LAST)
    assert (printed.keys(), printed["cik"], printed["entityName"]) == (
        recorded.keys(),
        recorded["cik"],
        recorded["entityName"],
    )
    for taxonomy, tags in recorded["facts"].items():
        for tag, concept in tags.items():
            ours = printed["facts"][taxonomy][tag]
            assert ours.keys() == concept.keys()
            [(unit, rows)] = concept["units"].items()
            assert set().union(*ours["units"][unit]) == set().union(*rows)
