"""Farside's tables, one story each: what is a flow, what is set aside, and when a page is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit

import polars as pl
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pages import CHALLENGE, SEEDS, answer, farside, read, refusal, values

from pipelines.feeds.farside import FarsideEtfFlows
from pipelines.tables.base import Checked
from pipelines.wire import BodyRefused, Outcome

FEED = FarsideEtfFlows(SEEDS)
FETCHED = datetime.fromisoformat("2024-12-20T15:00")
MONDAY, TUESDAY, WEDNESDAY = date(2024, 11, 4), date(2024, 11, 5), date(2024, 11, 6)
SATURDAY, THANKSGIVING = date(2024, 11, 9), date(2024, 11, 28)
MINUSES = ("-", "\u2212", "\u2013", "\u2014")
"""Hyphen, minus sign, en dash, em dash."""
ZEROS = ("0.0", "0.0", "0.0", "0.0")
quick = settings(deadline=None, max_examples=60)


def shown(day: date) -> str:
    return f"{day:%d %b %Y}"


def sessions(count: int, first: date = MONDAY) -> list[date]:
    return SEEDS.sessions(first, first + timedelta(days=2 * count + 10))[:count]


def page(*rows: tuple[date | str, Sequence[str]], **kinds) -> bytes:
    """Rows as (day, cells)."""
    return farside([[shown(day) if isinstance(day, date) else day, *cells] for day, cells in rows], **kinds)


def flows(body: bytes, at: datetime = FETCHED) -> dict[tuple[str, date], Decimal]:
    return values(read(FEED, body, at), "net_flow_usd")


def faults(checked: Checked) -> list[str]:
    return [row["reason"] for row in checked.rejected.iter_rows(named=True)]


def settled(count: int) -> list[tuple[date, Sequence[str]]]:
    """Good rows, three cells each."""
    return [(day, ("1.0", "2.0", "(3.0)", "0.0")) for day in sessions(count)]


# --- what a flow is -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["recent", "history"])
def test_a_printed_million_is_a_million_dollars_in_both_layouts(layout):
    body = page((MONDAY, ("209.4", "(1,044.5)", "0.0", "(835.1)")), layout=layout)
    assert flows(body) == {
        ("ibit", MONDAY): Decimal("209400000.00"),
        ("fbtc", MONDAY): Decimal("-1044500000.00"),
        ("gbtc", MONDAY): Decimal("0.00"),
    }
    assert set(values(read(FEED, body, FETCHED), "printed_total_usd").values()) == {Decimal("-835100000.00")}


def test_a_dash_is_no_row_and_a_zero_is_a_zero():
    assert flows(page((MONDAY, ("0.0", "-", "", "0.0")))) == {("ibit", MONDAY): Decimal("0.00")}


@pytest.mark.parametrize("dash", [*MINUSES, "", " "])
def test_a_pending_day_is_not_a_zero_day(dash):
    """Until the funds have reported, Farside prints a dash for every fund and 0.0 in Total."""
    body = page((MONDAY, ("1.0", "2.0", "3.0", "6.0")), (TUESDAY, (dash, dash, dash, "0.0")))
    assert {day for _, day in flows(body)} == {MONDAY}


def test_a_holiday_row_is_no_session():
    body = page((MONDAY, ("1.0", "2.0", "3.0", "6.0")), (THANKSGIVING, ("-", "-", "-", "0.0")))
    checked = read(FEED, body, FETCHED)
    assert {day for _, day in values(checked, "net_flow_usd")} == {MONDAY}
    assert checked.rejected.height == 0


def test_a_holiday_row_of_zeros_is_no_session_either():
    checked = read(FEED, page((MONDAY, ZEROS), (THANKSGIVING, ZEROS)), FETCHED)
    assert {day for _, day in values(checked, "net_flow_usd")} == {MONDAY}
    assert checked.rejected.height == 0


@pytest.mark.parametrize("cell", ["-0.0", "(0.0)", "0", "0.00"])
def test_zeros_of_any_style_are_no_session_on_a_holiday(cell):
    checked = read(FEED, page((MONDAY, ZEROS), (THANKSGIVING, (cell, "-", "0.0", "0.0"))), FETCHED)
    assert {day for _, day in values(checked, "net_flow_usd")} == {MONDAY}
    assert checked.rejected.is_empty()


def test_an_early_close_is_a_session():
    half_day = date(2024, 11, 29)
    assert ("ibit", half_day) in flows(page((half_day, ("1.0", "2.0", "3.0", "6.0"))))


def test_the_mourning_day_of_2025_is_no_session():
    """9 January 2025: the exchange was closed on short notice."""
    mourning = date(2025, 1, 9)
    body = page((date(2025, 1, 8), ZEROS), (mourning, ("-", "-", "-", "0.0")), (date(2025, 1, 10), ZEROS))
    days = {day for _, day in flows(body, datetime.fromisoformat("2025-02-01T12:00"))}
    assert days == {date(2025, 1, 8), date(2025, 1, 10)}


def test_footers_and_fees_are_no_rows():
    assert len(flows(page((MONDAY, ("1.0", "2.0", "3.0", "6.0"))))) == 3


def test_the_total_is_no_fund_wherever_its_column_stands():
    body = page((MONDAY, ("1.0", "2.0", "3.0", "6.0"))).decode()
    swapped = body.replace("   GBTC ", "@").replace("<span></span></th></tr>", "<span>GBTC</span></th></tr>")
    swapped = swapped.replace("<th><span></span></th><th><span>  Total", "<th><span>Total</span></th><th><span>")
    swapped = swapped.replace("@", "")
    assert flows(swapped.encode())[("gbtc", MONDAY)] == Decimal("6000000.00")


def test_columns_are_read_by_their_ticker_not_by_their_place():
    one = page((MONDAY, ("1.0", "2.0", "3.0", "6.0")), funds=("IBIT", "FBTC", "GBTC"))
    other = page((MONDAY, ("3.0", "1.0", "2.0", "6.0")), funds=("GBTC", "IBIT", "FBTC"))
    assert flows(one) == flows(other)


def test_a_fund_before_its_listing_is_no_row_whatever_is_printed():
    """Grayscale Mini is listed on 2024-07-31."""
    eve, first = date(2024, 7, 30), date(2024, 7, 31)
    body = page((eve, ("1.0", "5.0", "6.0")), (first, ("1.0", "5.0", "6.0")), funds=("IBIT", "BTC"))
    assert set(flows(body)) == {("ibit", eve), ("ibit", first), ("btc_grayscale_mini", first)}


def test_a_fund_after_its_last_day_is_no_row():
    last = SEEDS.funds["defi"].delisted_on
    assert last is not None
    body = page((last, ("1.0", "2.0", "3.0")), (date(2026, 9, 1), ("1.0", "2.0", "3.0")), funds=("IBIT", "DEFI"))
    funds = {key for key in flows(body, datetime.fromisoformat("2026-10-01T12:00")) if key[0] == "defi"}
    assert funds == {("defi", last)}


def test_a_row_is_provisional_until_two_in_the_afternoon_of_the_next_day():
    body = page((MONDAY, ("1.0", "2.0", "3.0", "6.0")))
    settles = datetime.fromisoformat("2024-11-05T14:00")
    early, late = (read(FEED, body, at) for at in (settles - timedelta(seconds=1), settles))
    assert set(values(early, "is_provisional").values()) == {True}
    assert set(values(late, "is_provisional").values()) == {False}


def test_a_row_is_provisional_while_a_listed_fund_is_silent():
    body = page((MONDAY, ("1.0", "-", "3.0", "4.0")), (TUESDAY, ("1.0", "2.0", "3.0", "6.0")))
    provisional = values(read(FEED, body, FETCHED), "is_provisional")
    assert {day for (_, day), is_so in provisional.items() if is_so} == {MONDAY}


def test_a_fund_that_is_not_listed_yet_does_not_make_a_row_provisional():
    body = page((date(2024, 7, 30), ("1.0", "-", "1.0")), funds=("IBIT", "BTC"))
    assert set(values(read(FEED, body, FETCHED), "is_provisional").values()) == {False}


def test_the_locator_leads_to_the_cell():
    checked = read(FEED, page((MONDAY, ("1.0", "2.0", "3.0", "6.0"))), FETCHED)
    assert values(checked, "locator")[("fbtc", MONDAY)] == "t0/r3/c2"


# --- faults of a row ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["n/a", "12.3.4", "(44.5", "44.5)", "$44.5", "1,23.4", "+5.0", "1e3", "--", "٣.٤"])
def test_a_cell_that_is_no_number_is_set_aside_and_its_row_loads(cell):
    checked = read(FEED, page((MONDAY, ("1.0", cell, "3.0", "4.0"))), FETCHED)
    assert set(values(checked, "net_flow_usd")) == {("ibit", MONDAY), ("gbtc", MONDAY)}
    [rejected] = checked.rejected.to_dicts()
    assert rejected["locator"] == "t0/r3/c2"
    assert rejected["row_json"] == cell


@pytest.mark.parametrize("cell", ["100,000.1", "99999999999.9", "9" * 17, "9" * 23, "9" * 5000, f"({'9' * 17}.5)"])
def test_a_number_that_is_no_flow_or_fits_no_column_is_a_fault_of_its_row(cell):
    checked = read(FEED, page((MONDAY, ("1.0", cell, "3.0", "4.0"))), FETCHED)
    assert set(values(checked, "net_flow_usd")) == {("ibit", MONDAY), ("gbtc", MONDAY)}
    assert checked.rejected.height == 1


@pytest.mark.parametrize("total", ["100,000.1", "9" * 17, "9" * 5000])
def test_a_total_that_is_no_amount_is_set_aside_and_the_funds_load(total):
    checked = read(FEED, page((MONDAY, ("1.0", "2.0", "3.0", total))), FETCHED)
    assert set(values(checked, "printed_total_usd").values()) == {None}
    assert checked.rejected["locator"].to_list() == ["t0/r3/c4"]


@pytest.mark.parametrize(
    ("unit", "is_read", "style"),
    [("millions", True, "{}"), ("thousands", False, "{},000"), ("dollars", False, "{},000,000")],
)
def test_the_median_flow_tells_the_unit_of_a_page(unit, is_read, style):
    cells = [style.format(text) for text in ("24", "(8", "114", "130")]
    cells[1] += ")"
    body = page(*((day, cells) for day in sessions(5)))
    assert refusal(FEED, body, FETCHED) is (None if is_read else Outcome.LAYOUT_CHANGED), unit


def test_a_table_in_dollars_instead_of_millions_is_refused():
    cells = ("114,600,000", "(403,500,000)", "21,200,000", "(267,700,000)")
    assert refusal(FEED, page((MONDAY, cells), (TUESDAY, cells)), FETCHED) is Outcome.TOO_MANY_FAULTS


@pytest.mark.parametrize(
    ("day", "cells"),
    [
        (SATURDAY, ("1.0", "2.0", "3.0", "6.0")),
        (SATURDAY, ("-", "-", "-", "12.3")),
        (THANKSGIVING, ("-", "5.0", "-", "5.0")),
        ("See notes", ("-", "-", "-", "-")),
        ("", ("1.0", "2.0", "3.0", "6.0")),
        ("31 Feb 2024", ("1.0", "2.0", "3.0", "6.0")),
        (TUESDAY, ("1.0", "2.0", "3.0")),
        (TUESDAY, ("1.0", "2.0", "3.0", "4.0", "10.0")),
    ],
)
def test_a_row_that_is_neither_session_nor_holiday_is_set_aside(day, cells):
    checked = read(FEED, page((MONDAY, ZEROS), (day, cells), (WEDNESDAY, ZEROS)), FETCHED)
    assert {day for _, day in values(checked, "net_flow_usd")} == {MONDAY, WEDNESDAY}
    [rejected] = checked.rejected.to_dicts()
    assert rejected["rule"] == "readable"
    assert rejected["locator"] == "t0/r4"


def test_a_row_above_the_first_date_that_can_be_read_is_a_row_all_the_same():
    checked = read(FEED, page(("03/11/2024", ("1.0", "2.0", "3.0", "6.0")), (TUESDAY, ZEROS)), FETCHED)
    assert {day for _, day in values(checked, "net_flow_usd")} == {TUESDAY}
    assert checked.rejected["locator"].to_list() == ["t0/r3"]


def test_a_total_without_a_fund_is_set_aside():
    checked = read(FEED, page((MONDAY, ZEROS), (TUESDAY, ("-", "-", "-", "123.4"))), FETCHED)
    assert {day for _, day in values(checked, "net_flow_usd")} == {MONDAY}
    assert checked.rejected["reason"].to_list() == [f"{TUESDAY} has a Total and no fund"]


def test_a_total_that_is_no_number_is_named_and_the_funds_load():
    checked = read(FEED, page((MONDAY, ("1.0", "2.0", "3.0", "n/a"))), FETCHED)
    assert set(values(checked, "printed_total_usd").values()) == {None}
    assert len(checked.rows) == 3
    assert checked.rejected.select("row_json", "locator").rows() == [("n/a", "t0/r3/c4")]


def test_a_short_first_row_is_a_fault_and_not_the_measure_of_the_others():
    checked = read(FEED, page((MONDAY, ("1.0",)), (TUESDAY, ZEROS)), FETCHED)
    assert {day for _, day in values(checked, "net_flow_usd")} == {TUESDAY}
    assert checked.rejected["locator"].to_list() == ["t0/r3"]


def test_an_empty_row_is_nothing():
    body = page((MONDAY, ZEROS)).replace(b"<tr><td><span>Total", b"<tr></tr><tr><td></td></tr><tr><td><span>Total")
    checked = read(FEED, body, FETCHED)
    assert checked.rows.height == 3
    assert checked.rejected.height == 0


def test_a_row_of_tomorrow_is_set_aside_and_the_rest_loads():
    tomorrow = date(2024, 12, 23)
    checked = read(FEED, page((MONDAY, ZEROS), (tomorrow, ("1.0", "2.0", "3.0", "6.0"))), FETCHED)
    assert {day for _, day in values(checked, "net_flow_usd")} == {MONDAY}
    assert checked.rejected["rule"].to_list() == ["not_after_fetched_at"]


def test_rows_of_the_future_never_refuse_a_page():
    later = [(day, ("1.0", "2.0", "3.0", "6.0")) for day in sessions(40, date(2025, 1, 2))]
    checked = read(FEED, page((MONDAY, ZEROS), *later), FETCHED)
    assert checked.rows.height == 3
    assert checked.rejected.height == 40


@pytest.mark.parametrize(("faulty", "outcome"), [(5, None), (6, Outcome.TOO_MANY_FAULTS)])
def test_five_faults_load_and_six_are_too_many_for_a_small_page(faulty, outcome):
    bad = [(day, ("x", "2.0", "(3.0)", "0.0")) for day in sessions(20)[:faulty]]
    body = page(*bad, *settled(20)[faulty:])
    assert refusal(FEED, body, FETCHED) == outcome


def test_six_faults_are_few_in_six_hundred_cells():
    good = settled(240)
    bad = [(day, ("x", *cells[1:])) for day, cells in good[:6]]
    at = datetime.fromisoformat("2026-01-01T12:00")
    assert read(FEED, page(*bad, *good[6:200]), at).rejected.height == 6
    assert refusal(FEED, page(*bad, *good[6:199]), at) is Outcome.TOO_MANY_FAULTS


def test_a_page_of_faults_alone_is_refused():
    assert refusal(FEED, page((MONDAY, ("x", "y", "z", "0.0"))), FETCHED) is Outcome.TOO_MANY_FAULTS


# --- names --------------------------------------------------------------------------------------------------


def test_an_unknown_fund_is_set_aside_and_named_and_the_rest_loads():
    body = page(
        (MONDAY, ("1.0", "x", "3.0", "6.0")), (TUESDAY, ("1.0", "2.0", "-", "6.0")), funds=("IBIT", "NEWB", "GBTC")
    )
    checked = read(FEED, body, FETCHED)
    assert set(values(checked, "net_flow_usd")) == {("ibit", MONDAY), ("gbtc", MONDAY), ("ibit", TUESDAY)}
    assert checked.unknown.to_dicts() == [{"kind": "fund", "source_name": "NEWB", "rows": 2}]
    assert checked.rejected.height == 0


def test_many_rows_of_an_unknown_fund_never_refuse_a_page():
    checked = read(FEED, page(*settled(30), funds=("IBIT", "NEWB", "GBTC")), FETCHED)
    assert (checked.rows.height, checked.unknown["rows"].to_list()) == (60, [30])


# --- a day twice --------------------------------------------------------------------------------------------


def test_a_day_twice_with_equal_values_is_one_day():
    row = (MONDAY, ("1.0", "2.0", "3.0", "6.0"))
    assert flows(page(row, row)) == flows(page(row))


def test_a_day_twice_with_different_values_refuses_the_page():
    body = page((MONDAY, ("1.0", "2.0", "3.0", "6.0")), (MONDAY, ("1.5", "2.0", "3.0", "6.5")))
    assert refusal(FEED, body, FETCHED) is Outcome.CONFLICTING_ROWS


def test_a_fund_in_two_columns_that_disagree_refuses_the_page():
    body = page((MONDAY, ("1.0", "2.0", "3.0")), funds=("IBIT", "IBIT"))
    assert refusal(FEED, body, FETCHED) is Outcome.CONFLICTING_ROWS


# --- faults of a body ---------------------------------------------------------------------------------------

GOOD = page((MONDAY, ("1.0", "2.0", "(3.0)", "0.0")), (TUESDAY, ("4.0", "5.0", "6.0", "15.0")))


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"", Outcome.EMPTY_BODY),
        (b" \n ", Outcome.EMPTY_BODY),
        (CHALLENGE, Outcome.CHALLENGE),
        (b'{"rows": []}', Outcome.WRONG_TYPE),
        (b"Date,IBIT,Total\n04 Nov 2024,1.0,1.0\n", Outcome.WRONG_TYPE),
        (b"%PDF-1.7 04 Nov 2024", Outcome.WRONG_TYPE),
        (b"<html><body><p>Down for maintenance</p></body></html>", Outcome.LAYOUT_CHANGED),
        (b"<html><body><table></table></body></html>", Outcome.LAYOUT_CHANGED),
        (b"<html><body><table><tr><td>04 Nov 2024</td></tr></table></body></html>", Outcome.LAYOUT_CHANGED),
        (GOOD.replace(b"Total", b"Sum"), Outcome.LAYOUT_CHANGED),
        (GOOD.replace(b"  Total", b"Total</span></th><th><span>Total"), Outcome.LAYOUT_CHANGED),
        (GOOD.replace(b"IBIT", b"AAAA").replace(b"FBTC", b"BBBB"), Outcome.LAYOUT_CHANGED),
        (GOOD.replace(b"04 Nov 2024", b"2024-11-04").replace(b"05 Nov 2024", b"2024-11-05"), Outcome.LAYOUT_CHANGED),
        (page(), Outcome.LAYOUT_CHANGED),
    ],
)
def test_a_body_that_is_not_the_page_is_refused_and_named(body, outcome):
    assert refusal(FEED, body, FETCHED) is outcome


def cells_of(body: bytes) -> pl.DataFrame:
    given_ = answer(body, FETCHED)
    return FEED.parse(given_.request, given_)


@pytest.mark.parametrize("layout", ["recent", "history"])
def test_a_page_cut_anywhere_is_refused_or_whole(layout):
    """Never a shorter table that looks good."""
    rows = [(MONDAY, ("1.0", "2.0", "(3.0)", "0.0")), (TUESDAY, ("4.0", "5.0", "6.0", "15.0"))]
    body = page(*rows, layout=layout)
    whole, refused = cells_of(body), 0
    for end in range(len(body)):
        try:
            assert cells_of(body[:end]).equals(whole), f"cut after {end} bytes"
        except BodyRefused:
            refused += 1
    assert refused > len(body) * 0.9


def test_a_cut_is_seen_behind_comments_and_scripts_that_speak_of_tables():
    noise = b"<!-- </table> --><script>'</table>'</script>"
    assert refusal(FEED, noise + GOOD[: GOOD.index(b"05 Nov")], FETCHED) is Outcome.TRUNCATED


def test_comments_and_scripts_that_speak_of_tables_refuse_no_page():
    noise = b"<!-- <table> --><script>document.write('<table>')</script>"
    assert flows(GOOD.replace(b"<body>", b"<body>" + noise)) == flows(GOOD)


def test_a_deeply_nested_cell_does_not_shorten_the_table():
    """A parser with a limit of depth drops what follows, and a shorter table looks good."""
    deep, too_deep = (GOOD.replace(b"<span>4.0", b"<span>" * depth + b"4.0") for depth in (300, 3000))
    assert flows(deep) == flows(GOOD)
    assert refusal(FEED, too_deep, FETCHED) is Outcome.LAYOUT_CHANGED


def test_the_table_is_found_among_others():
    other = b"<table><tr><td>04 Nov 2024</td><td>9.9</td></tr></table>"
    assert flows(GOOD.replace(b"<body>", b"<body>" + other)) == flows(GOOD)


# --- number and date cells ----------------------------------------------------------------------------------

tenths = st.integers(-100_000, 100_000).map(lambda number: Decimal(number) / 10)


@st.composite
def printed(draw) -> tuple[Decimal, str]:
    """A number with one decimal in one of the styles that Farside and its readers know."""
    value = draw(tenths)
    size = f"{abs(value):,.1f}" if draw(st.booleans()) else f"{abs(value):.1f}"
    signs = [*(f"{minus}{size}" for minus in MINUSES), f"({size})"]
    text = draw(st.sampled_from(signs)) if value < 0 else size
    return value, draw(st.sampled_from(["{}", " {}", "{} ", "\n\t{}\n"])).format(text)


@quick
@given(st.lists(printed(), min_size=1, max_size=12))
@example([(Decimal("-0.1"), "(0.1)"), (Decimal("4567.8"), "4,567.8"), (Decimal("-44.5"), "\u221244.5")])
def test_a_number_in_any_style_is_read_exactly(cells):
    days = sessions(len(cells))
    body = page(*((day, (text, "0.0")) for day, (_, text) in zip(days, cells, strict=True)), funds=("IBIT",))
    expected = {("ibit", day): value * 1_000_000 for day, (value, _) in zip(days, cells, strict=True)}
    assert flows(body) == expected


@quick
@given(st.integers(-(10**12), 10**12).map(lambda number: Decimal(number) / 10**8))
def test_more_decimals_than_usual_are_exact_to_the_cent(value):
    body = page((MONDAY, (f"{value:f}", "0.0")), funds=("IBIT",))
    assert flows(body) == {("ibit", MONDAY): value * 1_000_000}


WELL_FORMED = re.compile(
    r"[-\u2212\u2013\u2014]?([0-9]{1,3}(,[0-9]{3})+|[0-9]+)(\.[0-9]+)?|\(([0-9]{1,3}(,[0-9]{3})+|[0-9]+)(\.[0-9]+)?\)"
)
SAYS_NOTHING = {"", *MINUSES}
digits = st.sampled_from([*"0123456789", ",", ".", "(", ")", " ", "%", "e", "$", "\u00a0", "٣", "x", *MINUSES])
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8)


@quick
@given(st.one_of(st.text(digits, max_size=8), words))
@example("1 234.5")
@example("(1.0")
@example("٣")
@example(",123")
@example("1,2345.0")
@example("-(1.0)")
def test_garbage_never_becomes_a_number(text):
    seen = " ".join(text.split())
    assume(not WELL_FORMED.fullmatch(seen))
    checked = read(FEED, page((MONDAY, (text, "1.0", "0.0", "1.0"))), FETCHED)
    assert ("ibit", MONDAY) not in values(checked, "net_flow_usd")
    assert checked.rejected.height == (0 if seen in SAYS_NOTHING else 1)


@quick
@given(st.dates(date(2024, 1, 11), date(2027, 12, 31)), st.booleans())
def test_every_day_is_a_session_or_set_aside(day, is_padded):
    text = shown(day) if is_padded else shown(day).lstrip("0")
    beside = (TUESDAY if day == MONDAY else MONDAY, ("9.0", *ZEROS[1:]))
    body = page((text, ("1.0", "2.0", "3.0", "6.0")), beside)
    checked = read(FEED, body, datetime.fromisoformat("2028-01-01T12:00"))
    is_there = values(checked, "net_flow_usd").get(("ibit", day)) == 1_000_000
    assert is_there == (day.weekday() < 5 and day not in SEEDS.closed_days)
    assert checked.rejected.height == (0 if is_there else 1)


NO_DATES = ["2024-11-04", "11/04/2024", "Nov 04 2024", "04 November 2024", "4 Nov 24", "04 Nov 20244", "32 Nov 2024"]


@quick
@given(st.one_of(st.sampled_from(NO_DATES), words))
def test_garbage_never_becomes_a_day(text):
    assume(not re.fullmatch(r"[0-9]{1,2} [A-Za-z]{3} [0-9]{4}", " ".join(text.split())) or text in NO_DATES)
    assume(text.strip().lower() not in {"fee", "total", "average", "maximum", "minimum"})
    checked = read(FEED, page((TUESDAY, ZEROS), (text, ("1.0", "2.0", "3.0", "6.0"))), FETCHED)
    assert {day for _, day in values(checked, "net_flow_usd")} == {TUESDAY}
    assert checked.rejected.height == 1


# --- the door -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "is_ours"),
    [
        ("https://farside.co.uk/btc/", True),
        ("https://www.farside.co.uk/btc", True),
        ("https://farside.co.uk/bitcoin-etf-flow-all-data/", True),
        ("https://farside.co.uk/eth/", False),
        ("https://farside.co.uk.evil.test/btc/", False),
        ("https://evil.test/farside.co.uk/btc/", False),
    ],
)
def test_a_feed_owns_its_own_pages_only(url, is_ours):
    assert FEED.owns(urlsplit(url)) is is_ours


def test_what_a_page_covers_is_its_first_to_its_last_row_of_each_fund():
    checked = read(FEED, page((MONDAY, ("1.0", "-", "3.0", "4.0")), (TUESDAY, ("1.0", "2.0", "3.0", "6.0"))), FETCHED)
    given_ = answer(b"", FETCHED)
    asked = FEED.covers(given_.request, given_, checked.rows).to_dicts()
    assert {(row["entity_id"], row["from_at"].date(), row["to_at"].date()) for row in asked} == {
        ("fbtc", TUESDAY, WEDNESDAY),
        ("gbtc", MONDAY, WEDNESDAY),
        ("ibit", MONDAY, WEDNESDAY),
    }
