"""Recorded and assembled answers of the other flow feeds and of EDGAR, against a second, independent reading.

Belongs here: Bitbo's real page cell by cell, EDGAR's figures against a public transcription of the filings, and the
shapes of SoSoValue and CoinGlass, whose values are made up and prove the reading only.
Not here: hand-written payloads (unit tests). The second reading uses re, json and csv alone.
"""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pages import SEEDS, Room, read, values

from pipelines.feeds.bitbo import URL as BITBO_URL
from pipelines.feeds.bitbo import BitboEtfFlows
from pipelines.feeds.coinglass import CoinGlassEtfFlows
from pipelines.feeds.edgar import EdgarQuarterEnds
from pipelines.feeds.pages import fragment
from pipelines.feeds.sosovalue import SoSoValueEtfFlows
from pipelines.tables.base import Checked, check
from pipelines.wire import Answer, Request

BITBO, SOSOVALUE, COINGLASS, EDGAR = (
    feed(SEEDS) for feed in (BitboEtfFlows, SoSoValueEtfFlows, CoinGlassEtfFlows, EdgarQuarterEnds)
)
BITBO_FETCHED = datetime.fromisoformat("2025-12-18T15:00")
FUND_ROWS = (Path(__file__).resolve().parents[2] / "dbt_project" / "seeds" / "funds.csv").read_text(encoding="utf-8")
FUND_IDS = {row["ticker"]: row["fund_id"] for row in csv.DictReader(FUND_ROWS.splitlines())}


# --- Bitbo --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page(recording) -> bytes:
    return recording("bitbo/us_etf_flows_table_2025-12.html").read_bytes()


def grid(page: bytes) -> list[list[str]]:
    """The cells of every row as a person sees them."""
    rows = re.findall(r"<tr>(.*?)</tr>", page.decode(), re.DOTALL)
    cells = [re.findall(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[re.sub(r"<[^>]*>|\s*\n\s*", "", cell).strip() for cell in row] for row in cells]


def sheet(page: bytes) -> dict[date, dict[str, Decimal]]:
    """Session -> printed US$ millions of each column of the heading."""
    heading, *rows = grid(page)
    dated = [row for row in rows if row[0].endswith("2025")]
    return {
        datetime.strptime(row[0], "%b %d, %Y").date(): {  # noqa: DTZ007
            name: Decimal(cell) for name, cell in zip(heading[1:], row[1:], strict=True)
        }
        for row in dated
    }


def printed(page: bytes) -> dict[tuple[str, date], Decimal]:
    return {
        (FUND_IDS[name], day): amount * 1_000_000
        for day, row in sheet(page).items()
        for name, amount in row.items()
        if name != "Totals"
    }


def test_every_cell_of_the_recorded_page_is_its_net_flow(page):
    checked = read(BITBO, page, BITBO_FETCHED)
    assert values(checked, "net_flow_usd") == printed(page)
    assert len(printed(page)) == 12 * 8, "twelve funds in eight sessions"
    assert printed(page)[("ibit", date(2025, 12, 17))] == Decimal(114_600_000)
    assert (checked.rejected.height, checked.unknown.height) == (0, 0)


def test_the_totals_of_the_recorded_page_are_kept_beside_and_agree_with_its_funds(page):
    flows = values(read(BITBO, page, BITBO_FETCHED), "net_flow_usd")
    totals = values(read(BITBO, page, BITBO_FETCHED), "printed_total_usd")
    for day, row in sheet(page).items():
        assert {total for (_, on), total in totals.items() if on == day} == {row["Totals"] * 1_000_000}
        assert abs(sum(flow for (_, on), flow in flows.items() if on == day) - row["Totals"] * 1_000_000) <= 600_000


def test_the_locator_of_every_recorded_cell_leads_back_to_its_text(page):
    rows = grid(page)
    checked = read(BITBO, page, BITBO_FETCHED)
    for key, locator in values(checked, "locator").items():
        _, row, column = (int(part[1:]) for part in locator.split("/"))
        assert Decimal(rows[row][column]) * 1_000_000 == values(checked, "net_flow_usd")[key], locator


def test_the_recorded_page_stands_in_the_warehouse_as_printed(page, tmp_path):
    room = Room(tmp_path, BITBO)
    room.put(page, BITBO_FETCHED, BITBO_URL)
    loaded = room.load(every_attempt=True)
    stored = room.rows("select fund_id, trade_date, net_flow_usd, flow_basis from feeds.bitbo__etf_flows")
    assert {(fund, day): flow for fund, day, flow, _ in stored} == printed(page)
    assert {basis for *_, basis in stored} == {"holdings_derived"}
    assert (loaded.incidents, loaded.standing.rejected_rows, loaded.standing.unknown_names) == ([], 0, [])


# --- SoSoValue and CoinGlass: shapes ------------------------------------------------------------------------


def test_the_reported_fund_of_the_shape_loads_and_the_pending_one_does_not(recording):
    body = recording("sosovalue/v2_currentEtfDataMetrics_SYNTHETIC.json").read_bytes()
    funds = json.loads(body)["data"]["list"]
    reported = {
        (FUND_IDS[fund["ticker"]], date.fromisoformat(fund["dailyNetInflow"]["lastUpdateDate"])): Decimal(
            fund["dailyNetInflow"]["value"]
        )
        for fund in funds
        if fund["dailyNetInflow"]["status"] == "1"
    }
    checked = read(SOSOVALUE, body, datetime.fromisoformat("2026-09-30T15:00"))
    assert values(checked, "net_flow_usd") == reported
    assert len(reported) == 1 < len(funds)
    assert set(values(checked, "printed_total_usd").values()) == {None}, "the total is partial"
    assert set(values(checked, "is_provisional").values()) == {True}
    assert checked.rejected.is_empty()


def test_every_flow_of_the_history_shape_loads(recording):
    body = recording("coinglass/etf_bitcoin_flow_history_SYNTHETIC.json").read_bytes()
    points = json.loads(body)["data"]
    there = {
        (FUND_IDS[flow["etf_ticker"]], datetime.fromtimestamp(point["timestamp"] / 1000, UTC).date()): flow["flow_usd"]
        for point in points
        for flow in point["etf_flows"]
        if "flow_usd" in flow
    }
    checked = read(COINGLASS, body, datetime.fromisoformat("2025-11-10T15:00"))
    assert values(checked, "net_flow_usd") == there
    assert set(there) == {("ibit", date(2025, 11, 4)), ("fbtc", date(2025, 11, 4))}
    assert set(values(checked, "printed_total_usd").values()) == {Decimal(points[0]["flow_usd"])}
    assert set(values(checked, "is_provisional").values()) == {True}, "one fund lacks its flow"


# --- EDGAR --------------------------------------------------------------------------------------------------


def read_filings(body: bytes) -> tuple[Answer, Checked]:
    request = Request.get("https://data.sec.gov/api/xbrl/companyfacts/CIK0001588489.json")
    at = datetime.fromisoformat("2026-09-01T15:00")
    answer = Answer(request, "f1", at, 200, "application/json", "utf-8", "0" * 64, body)
    return answer, check(EDGAR.delivers, EDGAR.parse(request, answer), EDGAR.source, answer)


def test_the_facts_of_a_trust_are_those_that_others_read_in_its_filings(recording):
    """The counts of the facts are rounded to four places, those of the documents are not."""
    body = recording("edgar/companyfacts_CIK0001588489_ASSEMBLED.json").read_bytes()
    with recording("edgar/quarterly_holdings_2025Q3_2026Q2.csv").open(encoding="utf-8", newline="") as file:
        filings = [row for row in csv.DictReader(file) if row["ticker"] == "GBTC"]
    _, checked = read_filings(body)
    rows = {(str(row["period_end"]), row["accession"]): row for row in checked.rows.iter_rows(named=True)}
    compared = [filing for filing in filings if (filing["date"], filing["accession"]) in rows]
    assert len(compared) == len(rows) == 2
    for filing in compared:
        row = rows[(filing["date"], filing["accession"])]
        assert row["fund_id"] == "gbtc"
        assert abs(row["btc_held"] - Decimal(filing["btc"])) <= Decimal("0.00005")
        assert row["shares_outstanding"] == Decimal(filing["shares_outstanding"])
        assert row["form"] == filing["form"]
        assert row["net_assets_usd"] is None, "the filing's fair value is not its net assets"


def test_the_locators_of_the_facts_lead_back_to_them(recording):
    answer, checked = read_filings(recording("edgar/companyfacts_CIK0001588489_ASSEMBLED.json").read_bytes())
    for row in checked.rows.iter_rows(named=True):
        facts: list[dict[str, Any]] = [json.loads(fragment(answer, place)) for place in row["locator"].split()]
        assert [Decimal(str(fact["val"])) for fact in facts] == [row["btc_held"], row["shares_outstanding"]]
        assert {(fact["end"], fact["accn"]) for fact in facts} == {(str(row["period_end"]), row["accession"])}
