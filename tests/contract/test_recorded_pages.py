"""The recorded pages, cell by cell: what the feeds deliver against a second, independent reading.

Belongs here: real answers of Farside and btcetffundflow, read where they lie, and the same pages rewritten in
memory into what other days and other layouts look like.
Not here: hand-written payloads (unit tests). The second reading uses html.parser, re, json and csv alone.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from pages import SEEDS, Room, read, values

from pipelines.feeds.btcetffundflow import BtcEtfFundFlowHoldings
from pipelines.feeds.farside import FarsideEtfFlows

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = ROOT.parent / "shared" / "contracts"
FARSIDE = CONTRACTS / "farside" / "btc_2026-07-23.html"
HOLDINGS = CONTRACTS / "btcetffundflow" / "us_page_2025-11_2025-12.html"
HOLDINGS_JSON = CONTRACTS / "btcetffundflow" / "us_next_data_2025-11_2025-12.json"
CLOSURES = CONTRACTS / "etf_reference" / "nyse_exceptions_2024_2027.csv"

pytestmark = pytest.mark.skipif(
    not CONTRACTS.is_dir(), reason=f"needs the recorded answers, which are no part of the project: {CONTRACTS}"
)

FLOWS, HELD = FarsideEtfFlows(SEEDS), BtcEtfFundFlowHoldings(SEEDS)
DASHES = ("-", "\u2212", "\u2013", "\u2014")
FLOWS_FETCHED = datetime.fromisoformat("2026-07-24T15:00")
HELD_FETCHED = datetime.fromisoformat("2026-01-05T15:00")
FLOW_URL, HELD_URL = "https://farside.co.uk/btc/", "https://btcetffundflow.com/us"
Figures = dict[tuple[str, date], Decimal]


# --- the second reading -------------------------------------------------------------------------------------


def seed(name: str) -> list[dict[str, str]]:
    with (ROOT / "dbt_project" / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def fund_ids() -> dict[str, str]:
    """Ticker -> fund_id, by the tickers of the funds themselves and not by the aliases."""
    return {row["ticker"]: row["fund_id"] for row in seed("funds")}


def is_listed(fund_id: str, day: date) -> bool:
    [row] = [row for row in seed("funds") if row["fund_id"] == fund_id]
    return row["listed_on"] <= day.isoformat() <= (row["delisted_on"] or "9999")


def closures() -> set[date]:
    with CLOSURES.open(encoding="utf-8", newline="") as file:
        return {date.fromisoformat(row["date"]) for row in csv.DictReader(file) if row["kind"] == "closed"}


def is_session(day: date) -> bool:
    return day.weekday() < 5 and day not in closures()


class Cells(HTMLParser):
    """The rows of the table of a page, each a list of the texts of its cells."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._is_in_cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._is_in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self._is_in_cell &= tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._is_in_cell:
            self.rows[-1][-1] += data.strip()


@dataclass(frozen=True)
class Sheet:
    """A Farside page as a person reads it: tickers in their order, dated rows, and what else is there."""

    tickers: list[str]
    days: list[tuple[date, list[str], str]]
    """Day, a cell for each ticker, Total."""
    footers: list[list[str]]

    @classmethod
    def of(cls, page: str) -> Sheet:
        rows = Cells(page).rows
        [tickers] = [row for row in rows if "IBIT" in row]
        dated = [row for row in rows if row and re.fullmatch(r"\d\d \w{3} \d{4}", row[0])]
        footers = [row for row in rows if row and row[0] in ("Total", "Average", "Maximum", "Minimum")]
        days = [
            (datetime.strptime(row[0], "%d %b %Y").date(), row[1:-1], row[-1])  # noqa: DTZ007
            for row in dated
        ]
        return cls(tickers[1:-1], days, footers)

    def figures(self) -> Figures:
        """US dollars of every fund cell of a session that says something."""
        known = fund_ids()
        cells = [
            (known[ticker], day, cell)
            for day, row, _ in self.days
            for ticker, cell in zip(self.tickers, row, strict=True)
            if ticker in known and is_session(day)
        ]
        return {
            (fund_id, day): dollars(cell)
            for fund_id, day, cell in cells
            if cell not in (*DASHES, "") and is_listed(fund_id, day)
        }

    def page(self, layout: str = "recent") -> bytes:
        """The page again, in either layout."""
        if layout == "recent":
            heading = [
                ["", *("" for _ in self.tickers), "Total"],
                ["", *(f"  {ticker}" for ticker in self.tickers), ""],
                ["Fee", *("0.25%" for _ in self.tickers), ""],
            ]
            below = [[*row[: len(self.tickers) + 1], row[-1]] for row in self.footers]
        else:
            heading, below = [["Date", *self.tickers, "Total"], []], []
        rows = [*heading, *([f"{day:%d %b %Y}", *cells, total] for day, cells, total in self.days), *below]
        lines = ["".join(f"<td><div>{escape(cell)}</div></td>" for cell in row) for row in rows]
        return (
            "<html><body><table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table></body></html>"
        ).encode()


def dollars(cell: str) -> Decimal:
    """`(1,234.5)` is minus 1,234.5 US$ millions."""
    is_negative = cell[0] in ("(", *DASHES)
    return Decimal(re.sub(r"[^0-9.]", "", cell)) * (-1_000_000 if is_negative else 1_000_000)


def recorded_sheet() -> Sheet:
    return Sheet.of(FARSIDE.read_text(encoding="utf-8"))


def delivered(body: bytes, at: datetime = FLOWS_FETCHED) -> Figures:
    return values(read(FLOWS, body, at), "net_flow_usd")


# --- Farside ------------------------------------------------------------------------------------------------


def test_every_fund_cell_of_the_recorded_page_is_its_net_flow():
    sheet = recorded_sheet()
    expected = sheet.figures()
    assert delivered(FARSIDE.read_bytes()) == expected
    assert len(expected) == 12 * 13, "twelve funds in thirteen settled sessions"
    assert expected[("gbtc", date(2026, 7, 6))] == Decimal("-44500000")


def test_the_recorded_page_stands_in_the_warehouse_as_printed(tmp_path):
    room = Room(tmp_path, FLOWS)
    room.put(FARSIDE.read_bytes(), FLOWS_FETCHED, FLOW_URL)
    loaded = room.load(every_attempt=True)
    stored = room.rows("select fund_id, trade_date, net_flow_usd from feeds.farside__etf_flows")
    assert {(fund, day): flow for fund, day, flow in stored} == recorded_sheet().figures()
    assert loaded.incidents == []
    assert (loaded.standing.rejected_rows, loaded.standing.unknown_names) == (0, [])


def test_the_pending_row_and_the_footers_of_the_recorded_page_are_no_rows():
    sheet, flows = recorded_sheet(), delivered(FARSIDE.read_bytes())
    pending = [day for day, cells, _ in sheet.days if set(cells) == {"-"}]
    assert pending == [date(2026, 7, 23)]
    assert not {day for _, day in flows} & set(pending)
    footers = {dollars(cell) for row in sheet.footers for cell in row[1:]}
    assert not footers & {flow for flow in flows.values() if abs(flow) > 1_000_000_000}


def test_the_totals_of_the_recorded_page_are_kept_beside_and_agree_with_its_funds():
    flows, sheet = delivered(FARSIDE.read_bytes()), recorded_sheet()
    printed = values(read(FLOWS, FARSIDE.read_bytes(), FLOWS_FETCHED), "printed_total_usd")
    for day, cells, total in sheet.days:
        if set(cells) != {"-"}:
            assert {printed[key] for key in printed if key[1] == day} == {dollars(total)}
            assert abs(sum(flow for (_, on), flow in flows.items() if on == day) - dollars(total)) <= 150_000


def test_the_locator_of_every_recorded_cell_leads_back_to_its_text():
    rows = Cells(FARSIDE.read_text(encoding="utf-8")).rows
    checked = read(FLOWS, FARSIDE.read_bytes(), FLOWS_FETCHED)
    for key, locator in values(checked, "locator").items():
        table, row, column = (int(part[1:]) for part in locator.split("/"))
        assert table == 0
        assert dollars(rows[row][column]) == values(checked, "net_flow_usd")[key], locator


def moved(sheet: Sheet, first: date) -> Sheet:
    """The same rows on the weekdays from another day on, holidays as Farside prints them."""
    weekdays = (day for n in range(60) if (day := first + timedelta(days=n)).weekday() < 5)
    silent = ["-" for _ in sheet.tickers]
    days = []
    for _, cells, total in sheet.days:
        while not is_session(day := next(weekdays)):
            days.append((day, silent, "0.0"))
        days.append((day, cells, total))
    return replace(sheet, days=days)


def swapped(sheet: Sheet, one: int, other: int) -> Sheet:
    def swap(cells: list[str]) -> list[str]:
        swapped = list(cells)
        swapped[one], swapped[other] = cells[other], cells[one]
        return swapped

    return replace(
        sheet, tickers=swap(sheet.tickers), days=[(day, swap(cells), total) for day, cells, total in sheet.days]
    )


def without(sheet: Sheet, ticker: str) -> Sheet:
    """As the page looked before a fund was inserted."""
    at = sheet.tickers.index(ticker)
    days = [(day, cells[:at] + cells[at + 1 :], total) for day, cells, total in sheet.days]
    footers = [row[: at + 1] + row[at + 2 :] for row in sheet.footers]
    return Sheet(sheet.tickers[:at] + sheet.tickers[at + 1 :], days, footers)


def retold(sheet: Sheet, tell: Callable[[str], str]) -> Sheet:
    return replace(sheet, days=[(day, [tell(cell) for cell in cells], total) for day, cells, total in sheet.days])


def with_minus(minus: str) -> Callable[[str], str]:
    return lambda cell: minus + cell[1:-1] if cell.startswith("(") else minus if cell == "-" else cell


REWRITINGS: dict[str, Callable[[Sheet], Sheet]] = {
    "as it is": lambda sheet: sheet,
    "over Thanksgiving 2024": lambda sheet: moved(sheet, date(2024, 11, 18)),
    "in the first weeks, before Grayscale Mini": lambda sheet: moved(sheet, date(2024, 1, 11)),
    "around the listing of Grayscale Mini": lambda sheet: moved(sheet, date(2024, 7, 24)),
    "around 9 January 2025": lambda sheet: moved(sheet, date(2025, 1, 2)),
    "with days missing": lambda sheet: replace(sheet, days=sheet.days[::3]),
    "with one day": lambda sheet: replace(sheet, days=sheet.days[:1]),
    "newest first": lambda sheet: replace(sheet, days=sheet.days[::-1]),
    "columns swapped": lambda sheet: swapped(sheet, 0, 10),
    "without the newest fund": lambda sheet: without(sheet, "MSBT"),
    "with three funds": lambda sheet: without(without(without(sheet, "IBIT"), "BRRR"), "BTC"),
    "no parentheses": lambda sheet: retold(sheet, with_minus("-")),
    "minus signs": lambda sheet: retold(sheet, with_minus("\u2212")),
    "en dashes": lambda sheet: retold(sheet, with_minus("\u2013")),
    "em dashes": lambda sheet: retold(sheet, with_minus("\u2014")),
    "blanks for dashes": lambda sheet: retold(sheet, lambda cell: "" if cell == "-" else cell),
    "zeros as dashes": lambda sheet: retold(sheet, lambda cell: "-" if cell == "0.0" else cell),
    "in thousands": lambda sheet: retold(sheet, lambda cell: re.sub(r"^(\(?)(?=\d{3}\.)", r"\g<1>12,", cell)),
}


@pytest.mark.parametrize("layout", ["recent", "history"])
@pytest.mark.parametrize("rewriting", REWRITINGS)
def test_the_page_of_other_days_funds_and_layouts_is_read_cell_by_cell(rewriting, layout):
    sheet = REWRITINGS[rewriting](recorded_sheet())
    checked = read(FLOWS, sheet.page(layout), FLOWS_FETCHED)
    assert values(checked, "net_flow_usd") == sheet.figures()
    assert checked.rejected.height == 0
    assert checked.unknown.height == 0
    assert checked.rows.height > 0


@pytest.mark.parametrize("layout", ["recent", "history"])
def test_a_fund_that_nobody_knows_is_set_aside_and_the_recorded_rest_loads(layout):
    sheet = recorded_sheet()
    renamed = replace(sheet, tickers=["XBTC" if ticker == "MSBT" else ticker for ticker in sheet.tickers])
    checked = read(FLOWS, renamed.page(layout), FLOWS_FETCHED)
    assert values(checked, "net_flow_usd") == renamed.figures()
    assert checked.unknown.select("kind", "source_name", "rows").rows() == [("fund", "XBTC", 13)]


def test_both_layouts_load_into_one_table_without_a_second_run(tmp_path):
    room = Room(tmp_path, FLOWS)
    sheet = recorded_sheet()
    room.put(FARSIDE.read_bytes(), FLOWS_FETCHED, FLOW_URL)
    room.put(
        sheet.page("history"), FLOWS_FETCHED + timedelta(hours=1), "https://farside.co.uk/bitcoin-etf-flow-all-data/"
    )
    room.load()
    assert room.rows("select max(run_number), count(*) from feeds.farside__etf_flows") == [(1, len(sheet.figures()))]
    [(seen,)] = room.rows("select distinct last_seen_at from feeds.farside__etf_flows")
    assert seen == FLOWS_FETCHED + timedelta(hours=1)


# --- btcetffundflow -----------------------------------------------------------------------------------------


def recorded_data() -> dict[str, Any]:
    """The data block of the recorded page: what stands in its script, by a pattern of its own."""
    page = HOLDINGS.read_text(encoding="utf-8")
    [script] = re.findall(r"<script[^>]*__NEXT_DATA__[^>]*>(.*)</script>", page, re.DOTALL)
    return block(json.loads(script, parse_float=Decimal))


def block(document: Any) -> dict[str, Any]:
    queries = document.get("props", document)["pageProps"]["dehydratedState"]["queries"]
    return next(query["state"]["data"]["data"] for query in queries if query["queryKey"] == ["data", "us"])


def figures(data: dict[str, Any], chart: str) -> Figures:
    """Every value of a chart on a day on which its fund was listed, by the ticker of its label."""
    known = fund_ids()
    tickers = {number: label.split(" (")[0] for number, label in data["providers"].items()}
    found = {}
    for point in data[chart]:
        day = datetime.fromtimestamp(point["ts"], UTC).date()
        for number, value in point.items():
            fund_id = known.get(tickers.get(number, ""))
            if fund_id and is_session(day) and is_listed(fund_id, day):
                found[(fund_id, day)] = Decimal(value)
    return found


def in_a_page(data: dict[str, Any]) -> bytes:
    document = {
        "props": {
            "pageProps": {
                "dehydratedState": {"queries": [{"queryKey": ["data", "us"], "state": {"data": {"data": data}}}]}
            }
        }
    }
    script = json.dumps(document, default=str)
    return f'<html><body><script id="__NEXT_DATA__" type="application/json">{script}</script></body></html>'.encode()


def test_every_value_of_chart3_and_chart1_of_the_recorded_page_is_delivered():
    data = recorded_data()
    held, aum = figures(data, "chart3"), figures(data, "chart1")
    checked = read(HELD, HOLDINGS.read_bytes(), HELD_FETCHED)
    assert values(checked, "btc_held") == held
    assert values(checked, "aum_usd") == aum
    assert len(held) == len(aum) == 12 * 33, "twelve funds in thirty-three sessions"
    assert held[("ibit", date(2025, 11, 3))] == 799701


def test_the_recorded_json_is_read_like_the_recorded_page():
    page, twin = (read(HELD, file.read_bytes(), HELD_FETCHED) for file in (HOLDINGS, HOLDINGS_JSON))
    assert values(twin, "btc_held") == values(page, "btc_held")
    assert values(twin, "aum_usd") == values(page, "aum_usd")


def test_the_recorded_holdings_stand_in_the_warehouse_as_printed(tmp_path):
    room = Room(tmp_path, HELD)
    room.put(HOLDINGS.read_bytes(), HELD_FETCHED, HELD_URL)
    loaded = room.load(every_attempt=True)
    stored = room.rows("select fund_id, trade_date, btc_held, aum_usd from feeds.btcetffundflow__etf_holdings")
    data = recorded_data()
    assert {(fund, day): held for fund, day, held, _ in stored} == figures(data, "chart3")
    assert {(fund, day): aum for fund, day, _, aum in stored} == figures(data, "chart1")
    assert loaded.incidents == []
    assert (loaded.standing.rejected_rows, loaded.standing.unknown_names) == (0, [])


def test_no_difference_flow_price_or_total_of_the_recorded_page_appears():
    data = recorded_data()
    rows = read(HELD, HOLDINGS.read_bytes(), HELD_FETCHED).rows
    there = {Decimal(value) for name in ("btc_held", "aum_usd") for value in rows[name]}
    spoken = {
        Decimal(v)
        for c in ("chart1", "chart3")
        for p in data[c]
        for k, v in p.items()
        if k in data["providers"] and k != "0"
    }
    others = {Decimal(v) for c in ("chart2", "chart4") for p in data[c] for k, v in p.items() if k != "ts"}
    others |= {Decimal(row["value"]) for name in ("flows", "flows2") for row in data[name]}
    others |= {Decimal(point[name]) for point in data["chart1"] + data["chart3"] for name in ("price", "0")}
    assert len(others) > 500
    assert not there & (others - spoken)
    assert there <= spoken


def test_the_locators_of_every_recorded_value_lead_back_to_it():
    document = json.loads(HOLDINGS_JSON.read_text(encoding="utf-8"))
    for row in read(HELD, HOLDINGS_JSON.read_bytes(), HELD_FETCHED).rows.iter_rows(named=True):
        texts = []
        for pointer in row["locator"].split():
            node = document
            for step in pointer.split("/")[1:]:
                node = node[int(step)] if isinstance(node, list) else node[step]
            texts.append(Decimal(node))
        assert texts == [row["btc_held"], row["aum_usd"]]


def on_days(data: dict[str, Any], first: date) -> dict[str, Any]:
    """The same charts on the sessions from another day on."""
    sessions = [day for n in range(90) if is_session(day := first + timedelta(days=n))]
    stamps = [int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) for day in sessions]
    charts = {
        name: [point | {"ts": stamp} for point, stamp in zip(data[name], stamps, strict=False)]
        for name in ("chart1", "chart2", "chart3", "chart4")
    }
    return data | charts


def renumbered(data: dict[str, Any], number_of: Callable[[int], int]) -> dict[str, Any]:
    def keys(point: dict[str, Any]) -> dict[str, Any]:
        return {str(number_of(int(key))) if key.isdigit() else key: value for key, value in point.items()}

    charts = {name: [keys(point) for point in data[name]] for name in ("chart1", "chart2", "chart3", "chart4")}
    return data | charts | {"providers": keys(data["providers"])}


def charts(data: dict[str, Any], change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> dict[str, Any]:
    return data | {name: change(data[name]) for name in ("chart1", "chart3")}


DATA_REWRITINGS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "as it is": lambda data: data,
    "from the first session on": lambda data: on_days(data, date(2024, 1, 11)),
    "around the listing of Grayscale Mini": lambda data: on_days(data, date(2024, 7, 15)),
    "around 9 January 2025": lambda data: on_days(data, date(2024, 12, 20)),
    "providers numbered backwards": lambda data: renumbered(data, lambda number: 200 - number),
    "providers shifted by one": lambda data: renumbered(data, lambda number: number + 1),
    "with days missing": lambda data: charts(data, lambda points: points[::4]),
    "newest first": lambda data: charts(data, lambda points: points[::-1]),
    "numbers without zeros": lambda data: charts(
        data,
        lambda points: [{k: v if k == "ts" else str(Decimal(v).quantize(1)) for k, v in p.items()} for p in points],
    ),
    "numbers that are no text": lambda data: charts(
        data, lambda points: [{k: v if k == "ts" else int(Decimal(v)) for k, v in p.items()} for p in points]
    ),
    "without one fund": lambda data: charts(data, lambda points: [{k: p[k] for k in p if k != "3"} for p in points]),
}


@pytest.mark.parametrize("rewriting", DATA_REWRITINGS)
def test_the_page_of_other_days_and_providers_is_read_value_by_value(rewriting):
    data = DATA_REWRITINGS[rewriting](recorded_data())
    checked = read(HELD, in_a_page(data), HELD_FETCHED)
    assert values(checked, "btc_held") == figures(data, "chart3")
    assert values(checked, "aum_usd") == figures(data, "chart1")
    assert checked.rejected.height == 0
    assert checked.rows.height > 0


def test_the_zeros_of_a_fund_before_its_first_holding_are_no_rows_of_the_recorded_page():
    """As the full history prints them: zeros for a fund that did not exist yet."""
    data, zero = recorded_data(), "0.0000000000000000"
    began = {"12": 7, "10": 20}  # provider -> first row with a holding
    for chart in ("chart1", "chart3"):
        for n, point in enumerate(data[chart]):
            point |= {number: zero for number, first in began.items() if n < first}
    checked = read(HELD, in_a_page(data), HELD_FETCHED)
    assert values(checked, "btc_held") == {key: held for key, held in figures(data, "chart3").items() if held}
    assert checked.rejected.height == 0


def test_a_fund_of_another_market_on_the_recorded_page_is_named():
    data = recorded_data()
    for chart in ("chart1", "chart3"):
        for point in data[chart]:
            point["101"] = "5.0"
    checked = read(HELD, in_a_page(data), HELD_FETCHED)
    assert values(checked, "btc_held") == figures(data, "chart3")
    assert checked.unknown.rows() == [("fund", "ChinaAMC (9042)", 33)]
