"""Bitbo's table, one story each: what is a flow, what is set aside, and when a page is refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from flow_pages import bitbo
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pages import CHALLENGE, SEEDS, answer, farside, read, refusal, values

from pipelines.feeds.bitbo import URL, BitboEtfFlows
from pipelines.feeds.pages import fragment
from pipelines.wire import BodyRefused, Outcome, Request, Window

FEED = BitboEtfFlows(SEEDS)
FETCHED = datetime.fromisoformat("2024-12-20T15:00")
MONDAY, TUESDAY, WEDNESDAY = date(2024, 11, 4), date(2024, 11, 5), date(2024, 11, 6)
SATURDAY, THANKSGIVING = date(2024, 11, 9), date(2024, 11, 28)
ZEROS = ("0.0", "-0.0", "0.0", "0.0")
NUMBERS = ("1.0", "2.0", "3.0", "6.0")


def page(*rows: tuple[date | str, Sequence[str]], **kinds) -> bytes:
    """Rows as (day, cells)."""
    return bitbo([[f"{day:%b %d, %Y}" if isinstance(day, date) else day, *cells] for day, cells in rows], **kinds)


def flows(body: bytes, at: datetime = FETCHED) -> dict[tuple[str, date], Decimal]:
    return values(read(FEED, body, at), "net_flow_usd")


# --- what a flow is -----------------------------------------------------------------------------------------


def test_a_printed_million_is_a_million_dollars_and_a_minus_is_an_outflow():
    body = page((MONDAY, ("209.4", "-1,044.5", "-0.0", "-835.1")))
    assert flows(body) == {
        ("ibit", MONDAY): Decimal("209400000.00"),
        ("fbtc", MONDAY): Decimal("-1044500000.00"),
        ("gbtc", MONDAY): Decimal("0.00"),
    }
    assert set(values(read(FEED, body, FETCHED), "printed_total_usd").values()) == {Decimal("-835100000.00")}


def test_the_flows_are_told_from_reported_ones():
    assert set(values(read(FEED, page((MONDAY, NUMBERS)), FETCHED), "flow_basis").values()) == {"holdings_derived"}


def test_the_negative_zero_of_the_page_is_a_plain_zero():
    assert str(flows(page((MONDAY, ZEROS)))[("fbtc", MONDAY)]) == "0.00"


@settings(deadline=None, max_examples=60)
@given(
    st.integers(-1_000_000, 1_000_000).map(lambda number: Decimal(number) / 10),
    st.sampled_from(["-{}", "\u2212{}", "\u2013{}", "\u2014{}", "({})"]),
    st.sampled_from([",.1f", ".1f"]),
)
@example(Decimal("-34567.8"), "-{}", ",.1f")
def test_a_number_with_any_sign_and_separator_is_read_exactly(value, negative, style):
    size = format(abs(value), style)
    body = page((MONDAY, (negative.format(size) if value < 0 else size, "0.0")), funds=("IBIT",))
    assert flows(body) == {("ibit", MONDAY): value * 1_000_000}


def test_the_order_of_the_rows_does_not_matter():
    rows = [(WEDNESDAY, NUMBERS), (TUESDAY, ("4.0", "5.0", "6.0", "15.0")), (MONDAY, ZEROS)]
    assert flows(page(*rows)) == flows(page(*reversed(rows)))
    assert len(flows(page(*rows))) == 9


def test_a_dash_and_a_blank_are_no_rows():
    assert flows(page((MONDAY, ("0.0", "-", "", "0.0")))) == {("ibit", MONDAY): Decimal("0.00")}


def test_a_row_without_a_fund_is_pending():
    body = page((TUESDAY, ("-", "-", "-", "0.0")), (MONDAY, NUMBERS))
    assert {day for _, day in flows(body)} == {MONDAY}


def test_a_row_is_provisional_until_the_source_has_settled_or_while_a_fund_is_silent():
    settles = datetime.fromisoformat("2024-11-05T14:00")
    early, late = (read(FEED, page((MONDAY, NUMBERS)), at) for at in (settles - timedelta(seconds=1), settles))
    silent = read(FEED, page((MONDAY, ("1.0", "-", "3.0", "4.0"))), settles)
    provisional = [set(values(checked, "is_provisional").values()) for checked in (early, late, silent)]
    assert provisional == [{True}, {False}, {True}]


def test_a_locator_leads_to_the_printed_cell():
    body = page((MONDAY, NUMBERS))
    place = values(read(FEED, body, FETCHED), "locator")[("fbtc", MONDAY)]
    assert fragment(answer(body, FETCHED), place) == "2.0"


# --- columns and names --------------------------------------------------------------------------------------


def test_an_inserted_fund_moves_no_other():
    at = datetime.fromisoformat("2026-06-01T15:00")
    day = date(2026, 5, 20)
    before = page((day, NUMBERS))
    after = page((day, ("1.0", "2.0", "9.0", "3.0", "15.0")), funds=("IBIT", "FBTC", "MSBT", "GBTC"))
    assert flows(after, at) == flows(before, at) | {("msbt", day): Decimal(9_000_000)}


def test_further_heading_rows_move_nothing():
    logos, fees = ["", "", "", "", "Totals"], ["Fee", "0.25%", "0.25%", "1.50%", ""]
    body = page((MONDAY, NUMBERS), above=(logos, fees))
    assert flows(body) == flows(page((MONDAY, NUMBERS)))


def test_a_renamed_fund_is_named_and_the_rest_loads():
    body = page((MONDAY, NUMBERS), (TUESDAY, NUMBERS), funds=("IBIT", "FBTX", "GBTC"))
    checked = read(FEED, body, FETCHED)
    assert {fund for fund, _ in values(checked, "net_flow_usd")} == {"ibit", "gbtc"}
    assert checked.unknown.to_dicts() == [{"kind": "fund", "source_name": "FBTX", "rows": 2}]


def test_a_liquidated_fund_has_no_row_after_its_last_day_nor_where_its_column_is_gone():
    last = SEEDS.funds["defi"].delisted_on
    assert last is not None
    at = datetime.fromisoformat("2026-10-01T12:00")
    body = page((last, ("1.0", "2.0", "3.0")), (date(2026, 9, 1), ("1.0", "2.0", "3.0")), funds=("IBIT", "DEFI"))
    assert {key for key in flows(body, at) if key[0] == "defi"} == {("defi", last)}
    gone = read(FEED, page((date(2026, 9, 1), ("1.0", "1.0")), funds=("IBIT",)), at)
    assert values(gone, "is_provisional") == {("ibit", date(2026, 9, 1)): False}


# --- faults of a row ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["n/a", "12.3.4", "(44.5", "$44.5", "1,23.4", "+5.0", "1e3", "1.234,5", "11.4m"])
def test_a_cell_that_is_no_number_is_set_aside_and_its_row_loads(cell):
    checked = read(FEED, page((MONDAY, ("1.0", cell, "3.0", "4.0"))), FETCHED)
    assert set(values(checked, "net_flow_usd")) == {("ibit", MONDAY), ("gbtc", MONDAY)}
    assert checked.rejected.select("row_json", "locator").rows() == [(cell, "t0/r1/c2")]


def test_a_total_in_another_unit_is_set_aside_and_the_funds_load():
    checked = read(FEED, page((MONDAY, ("1.0", "2.0", "3.0", "$6.0m"))), FETCHED)
    assert set(values(checked, "printed_total_usd").values()) == {None}
    assert (checked.rows.height, checked.rejected.height) == (3, 1)


def test_a_table_in_dollars_instead_of_millions_is_refused():
    cells = ("114,600,000.0", "-403,500,000.0", "21,200,000.0", "0.0")
    assert refusal(FEED, page((MONDAY, cells), (TUESDAY, cells)), FETCHED) is Outcome.TOO_MANY_FAULTS


@pytest.mark.parametrize("cells", [("-", "-", "-", "0.0"), ZEROS, ("0.0", "-", "", "-0.0")])
def test_a_holiday_row_is_no_session(cells):
    checked = read(FEED, page((THANKSGIVING, cells), (MONDAY, NUMBERS)), FETCHED)
    assert {day for _, day in values(checked, "net_flow_usd")} == {MONDAY}
    assert checked.rejected.is_empty()


@pytest.mark.parametrize(
    ("day", "cells"),
    [
        (SATURDAY, NUMBERS),
        (THANKSGIVING, ("-", "5.0", "-", "5.0")),
        (TUESDAY, ("-", "-", "-", "12.3")),
        (TUESDAY, ("1.0", "2.0", "3.0")),
        ("05 Nov 2024", NUMBERS),
        ("11/05/2024", NUMBERS),
        ("Feb 31, 2024", NUMBERS),
    ],
)
def test_a_row_that_is_neither_session_nor_holiday_is_set_aside(day, cells):
    checked = read(FEED, page((WEDNESDAY, NUMBERS), (day, cells), (MONDAY, NUMBERS)), FETCHED)
    assert {day for _, day in values(checked, "net_flow_usd")} == {MONDAY, WEDNESDAY}
    assert checked.rejected.select("rule", "locator").rows() == [("readable", "t0/r2")]


def test_a_row_of_tomorrow_is_set_aside_and_the_rest_loads():
    checked = read(FEED, page((date(2024, 12, 23), NUMBERS), (MONDAY, NUMBERS)), FETCHED)
    assert {day for _, day in values(checked, "net_flow_usd")} == {MONDAY}
    assert checked.rejected["rule"].to_list() == ["not_after_fetched_at"]


def test_a_day_twice_counts_once_where_it_says_the_same_and_refuses_the_page_where_not():
    assert flows(page((MONDAY, NUMBERS), (MONDAY, NUMBERS))) == flows(page((MONDAY, NUMBERS)))
    other = page((MONDAY, NUMBERS), (MONDAY, ("1.5", "2.0", "3.0", "6.5")))
    assert refusal(FEED, other, FETCHED) is Outcome.CONFLICTING_ROWS


# --- faults of a body ---------------------------------------------------------------------------------------

GOOD = page((TUESDAY, ("4.0", "5.0", "6.0", "15.0")), (MONDAY, ("1.0", "2.0", "-3.0", "0.0")))


@pytest.mark.parametrize(("unit", "style"), [("thousands", "{:,}"), ("dollars", "{:,},000")])
def test_a_page_in_another_unit_than_millions_is_refused_with_the_median(unit, style):
    days = SEEDS.sessions(MONDAY, date(2024, 11, 8))
    cells = [style.format(thousands) for thousands in (24_900, -8_100, 114_600, 131_400)]
    with pytest.raises(
        BodyRefused, match=r"median of 15 flows is [\d,]+ US\$ in the unit of 1,000,000 US\$"
    ) as refused:
        read(FEED, page(*((day, cells) for day in days)), FETCHED)
    assert refused.value.outcome is Outcome.LAYOUT_CHANGED, unit


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"", Outcome.EMPTY_BODY),
        (CHALLENGE, Outcome.CHALLENGE),
        (b'{"rows": []}', Outcome.WRONG_TYPE),
        (b"Date,IBIT,Totals\n", Outcome.WRONG_TYPE),
        (b"<html><body><p>Down for maintenance</p></body></html>", Outcome.LAYOUT_CHANGED),
        (page(), Outcome.LAYOUT_CHANGED),
        (GOOD.replace(b"Totals", b"Sum"), Outcome.LAYOUT_CHANGED),
        (
            GOOD.replace(b"Nov 05, 2024", b"05 Nov 2024").replace(b"Nov 04, 2024", b"04 Nov 2024"),
            Outcome.LAYOUT_CHANGED,
        ),
        (GOOD.replace(b"IBIT", b"ETHA").replace(b"FBTC", b"FETH"), Outcome.LAYOUT_CHANGED),
        (farside([["04 Nov 2024", "1.0", "2.0", "3.0", "6.0"]]), Outcome.LAYOUT_CHANGED),
    ],
)
def test_a_body_that_is_not_the_page_is_refused_and_named(body, outcome):
    assert refusal(FEED, body, FETCHED) is outcome


def test_a_page_cut_anywhere_is_refused_or_whole():
    """Never a shorter table that looks good."""

    def rows(body: bytes):
        given_ = answer(body, FETCHED)
        return FEED.parse(given_.request, given_)

    whole, refused = rows(GOOD), 0
    for end in range(len(GOOD)):
        try:
            assert rows(GOOD[:end]).equals(whole), f"cut after {end} bytes"
        except BodyRefused:
            refused += 1
    assert refused > len(GOOD) * 0.9


# --- the door -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "is_ours"),
    [
        (URL, True),
        ("https://www.bitbo.io/treasuries/etf-flows", True),
        ("https://bitbo.io/treasuries/", False),
        ("https://bitbo.io.evil.test/treasuries/etf-flows/", False),
    ],
)
def test_a_feed_owns_its_own_page_only(url, is_ours):
    assert FEED.owns(urlsplit(url)) is is_ours


def test_one_page_is_asked_whatever_the_window():
    assert list(FEED.requests(Window(MONDAY, WEDNESDAY))) == [[Request.get(URL)]]
