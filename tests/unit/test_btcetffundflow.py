"""btcetffundflow's page, one story each: what is held, what is not listed, and when a page is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pages import (
    CHALLENGE,
    LABELS,
    NOISE,
    SEEDS,
    answer,
    holdings_data,
    holdings_json,
    holdings_page,
    read,
    refusal,
    seconds,
    values,
)

from pipelines.feeds.btcetffundflow import BtcEtfFundFlowHoldings
from pipelines.wire import BodyRefused, Outcome

FEED = BtcEtfFundFlowHoldings(SEEDS)
FETCHED = datetime.fromisoformat("2024-12-20T15:00")
MONDAY, TUESDAY, WEDNESDAY = date(2024, 11, 4), date(2024, 11, 5), date(2024, 11, 6)
SATURDAY = date(2024, 11, 9)
GBTC, IBIT, FBTC = "1", "3", "8"
quick = settings(deadline=None, max_examples=60)
Chart = Mapping[Any, Mapping[str, Any]]


def page(held: Chart, aum: Chart | None = None, labels: Mapping[str, Any] | None = None) -> bytes:
    return holdings_page(holdings_data(held, aum, labels))


def held(body: bytes, at: datetime = FETCHED) -> dict[tuple[str, date], Decimal]:
    return values(read(FEED, body, at), "btc_held")


def series(fund: str, cells: list[str | None], first: date = MONDAY) -> dict[date, dict[str, str | None]]:
    """One fund, a cell for each session."""
    days = SEEDS.sessions(first, first + timedelta(days=2 * len(cells) + 10))
    return {day: {fund: cell} for day, cell in zip(days, cells, strict=False)}


# --- what is held -------------------------------------------------------------------------------------------


def test_chart3_is_bitcoin_held_and_chart1_is_dollars():
    body = page({MONDAY: {IBIT: "400000.5000000000000000"}}, {MONDAY: {IBIT: "27000000000.2500000000000000"}})
    checked = read(FEED, body, FETCHED)
    assert values(checked, "btc_held") == {("ibit", MONDAY): Decimal("400000.50000000")}
    assert values(checked, "aum_usd") == {("ibit", MONDAY): Decimal("27000000000.25")}
    assert set(values(checked, "is_estimated").values()) == {False}


def test_a_number_of_more_places_is_rounded_half_away_from_zero():
    body = page({MONDAY: {IBIT: "400000.123456785"}}, {MONDAY: {IBIT: "27000000000.125"}})
    checked = read(FEED, body, FETCHED)
    assert values(checked, "btc_held") == {("ibit", MONDAY): Decimal("400000.12345679")}
    assert values(checked, "aum_usd") == {("ibit", MONDAY): Decimal("27000000000.13")}


def test_differences_flows_prices_and_the_total_are_not_read():
    """chart2 and `flows` look like flows; they are differences of AUM, with the price in them."""
    body = page({MONDAY: {IBIT: "5", GBTC: "6"}, TUESDAY: {IBIT: "7", GBTC: "8"}})
    checked = read(FEED, body, FETCHED)
    assert NOISE.encode() in body
    assert sorted(values(checked, "btc_held").values()) == [5, 6, 7, 8]
    assert Decimal(NOISE) not in values(checked, "aum_usd").values()
    assert checked.unknown.height == 0


def test_the_json_twin_says_the_same_at_another_place():
    data = holdings_data({MONDAY: {IBIT: "5"}, TUESDAY: {IBIT: "7"}})
    html, twin = read(FEED, holdings_page(data), FETCHED), read(FEED, holdings_json(data), FETCHED)
    assert twin.rows.drop("locator").equals(html.rows.drop("locator"))
    place = "/pageProps/dehydratedState/queries/1/state/data/data"
    assert values(twin, "locator")[("ibit", TUESDAY)] == f"{place}/chart3/1/3 {place}/chart1/1/3"
    assert values(html, "locator")[("ibit", TUESDAY)].startswith(f"/props{place}/chart3/1/3 ")


@given(st.permutations(["1", "3", "8", "12", "101"]))
@quick
def test_labels_decide_and_never_the_numbers_of_the_providers(numbers):
    names = {"gbtc": "GBTC (Grayscale)", "ibit": "IBIT (BlackRock)", "fbtc": "FBTC (Fidelity)", "arkb": "ARKB (Ark)"}
    number_of = dict(zip(names, numbers, strict=False))
    labels = {"0": "TOTAL", **{number_of[fund]: label for fund, label in names.items()}}
    cells = {number_of[fund]: str(n) for n, fund in enumerate(names, start=1)}
    expected = {(fund, MONDAY): Decimal(n) for n, fund in enumerate(names, start=1)}
    assert held(page({MONDAY: cells}, labels=labels)) == expected


def test_a_total_with_another_number_is_still_no_fund():
    labels = {"99": "Total", IBIT: "IBIT (BlackRock)"}
    checked = read(FEED, page({MONDAY: {IBIT: "5", "99": "12"}}, labels=labels | {"0": "TOTAL"}), FETCHED)
    assert values(checked, "btc_held") == {("ibit", MONDAY): 5}
    assert checked.unknown.height == 0


def test_numbers_that_are_no_text_are_read_exactly():
    body = page({MONDAY: {IBIT: 12345.67890123, GBTC: 8}}, {MONDAY: {IBIT: 1.5, GBTC: 2}})
    assert held(body) == {("ibit", MONDAY): Decimal("12345.67890123"), ("gbtc", MONDAY): 8}


def test_thousands_separators_are_read():
    body = page({MONDAY: {IBIT: "400,000.5"}}, {MONDAY: {IBIT: "27,000,000,000"}})
    assert held(body) == {("ibit", MONDAY): Decimal("400000.5")}
    assert set(values(read(FEED, body, FETCHED), "aum_usd").values()) == {Decimal(27_000_000_000)}


# --- missing is never zero ----------------------------------------------------------------------------------


def test_zeros_before_the_first_holding_are_no_rows():
    checked = read(FEED, page(series(IBIT, ["0.0000", "0", "5", "6"])), FETCHED)
    assert values(checked, "btc_held") == {("ibit", WEDNESDAY): 5, ("ibit", date(2024, 11, 7)): 6}
    assert checked.rejected.height == 0


def test_a_zero_after_the_first_holding_is_a_fault_of_its_row():
    checked = read(FEED, page(series(IBIT, ["0", "5", "0", "6"])), FETCHED)
    assert set(values(checked, "btc_held").values()) == {5, 6}
    assert checked.rejected["rule"].to_list() == ["btc_held|min_exclusive"]


def test_a_negative_holding_is_a_fault_of_its_row():
    checked = read(FEED, page(series(IBIT, ["5", "-1", "6"])), FETCHED)
    assert set(values(checked, "btc_held").values()) == {5, 6}
    assert checked.rejected.height == 1


def test_a_fund_that_never_held_anything_has_no_row():
    body = page({MONDAY: {IBIT: "5", FBTC: "0"}, TUESDAY: {IBIT: "5", FBTC: "0.0"}})
    assert {fund for fund, _ in held(body)} == {"ibit"}


def test_a_holding_from_before_the_listing_is_no_row():
    """GBTC owned bitcoin for years before it became a fund of the exchange on 2024-01-11."""
    eve, first = date(2024, 1, 10), date(2024, 1, 11)
    assert set(held(page({eve: {GBTC: "619000"}, first: {GBTC: "618000"}}))) == {("gbtc", first)}


def test_a_missing_aum_is_null_and_the_holding_stands():
    for aum in ({MONDAY: {}}, {TUESDAY: {IBIT: "9"}}, {MONDAY: {IBIT: None}}):
        checked = read(FEED, page({MONDAY: {IBIT: "5"}}, aum), FETCHED)
        assert values(checked, "aum_usd") == {("ibit", MONDAY): None}
        assert checked.rejected.height == 0


def test_an_aum_without_a_holding_is_no_row():
    assert set(held(page({MONDAY: {IBIT: "5"}}, {MONDAY: {IBIT: "1", FBTC: "2"}}))) == {("ibit", MONDAY)}


def test_a_missing_holding_is_no_row_and_no_fault():
    checked = read(FEED, page({MONDAY: {IBIT: "5", FBTC: None}, TUESDAY: {IBIT: "6"}}), FETCHED)
    assert set(values(checked, "btc_held")) == {("ibit", MONDAY), ("ibit", TUESDAY)}
    assert checked.rejected.height == 0


# --- faults of a row ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["n/a", "", "1,23.5", "12 ", "1e5", "--5", "NaN", True, {"btc": 5}, "9" * 30])
def test_a_cell_that_is_no_number_is_set_aside_and_the_rest_loads(cell):
    checked = read(FEED, page({MONDAY: {IBIT: cell, GBTC: "5"}}, {MONDAY: {IBIT: "1", GBTC: "2"}}), FETCHED)
    assert set(values(checked, "btc_held")) == {("gbtc", MONDAY)}
    [rejected] = checked.rejected.to_dicts()
    assert rejected["rule"] == "readable"
    assert rejected["locator"].split()[0].endswith("/chart3/0/3")


def test_an_aum_that_is_no_number_sets_its_row_aside():
    checked = read(FEED, page({MONDAY: {IBIT: "5", GBTC: "5"}}, {MONDAY: {IBIT: "?", GBTC: "2"}}), FETCHED)
    assert set(values(checked, "btc_held")) == {("gbtc", MONDAY)}
    assert checked.rejected["row_json"].to_list() == ["5 | ?"]


@pytest.mark.parametrize("day", [SATURDAY, date(2024, 11, 28)])
def test_a_row_that_is_no_session_is_one_fault(day):
    checked = read(FEED, page({MONDAY: {IBIT: "5", GBTC: "6"}, day: {IBIT: "5", GBTC: "6"}}), FETCHED)
    assert {day for _, day in values(checked, "btc_held")} == {MONDAY}
    [rejected] = checked.rejected.to_dicts()
    assert rejected["reason"] == f"{day} is no trading session of XNYS"


def test_a_row_without_a_date_is_one_fault():
    checked = read(FEED, page({MONDAY: {IBIT: "5"}, "soon": {IBIT: "5", GBTC: "6"}}), FETCHED)
    assert set(values(checked, "btc_held")) == {("ibit", MONDAY)}
    assert checked.rejected.height == 1


def test_milliseconds_are_no_seconds():
    """A page of milliseconds is refused: its days would lie tens of thousands of years ahead."""
    stamps = [seconds(day) * 1000 for day in (MONDAY, TUESDAY)]
    assert refusal(FEED, page({stamp: {IBIT: "5"} for stamp in stamps}), FETCHED) is Outcome.TOO_MANY_FAULTS


def test_one_row_of_milliseconds_is_set_aside():
    checked = read(FEED, page({MONDAY: {IBIT: "5"}, seconds(TUESDAY) * 1000: {IBIT: "6"}}), FETCHED)
    assert set(values(checked, "btc_held")) == {("ibit", MONDAY)}
    assert checked.rejected.height == 1


def test_a_row_of_tomorrow_is_set_aside_and_never_refuses_the_page():
    later = series(IBIT, ["5"] * 30, date(2025, 1, 2)) | {date(2025, 3, 3): {IBIT: "x"}, date(2025, 3, 8): {IBIT: "5"}}
    checked = read(FEED, page({MONDAY: {IBIT: "5"}, **later}), FETCHED)
    assert set(values(checked, "btc_held")) == {("ibit", MONDAY)}
    assert set(checked.rejected["rule"]) == {"not_after_fetched_at"}
    assert checked.rejected.height == 32


@pytest.mark.parametrize(("faulty", "outcome"), [(5, None), (6, Outcome.TOO_MANY_FAULTS)])
def test_five_faults_load_and_six_are_too_many_for_a_small_page(faulty, outcome):
    body = page(series(IBIT, ["5"] * 14 + ["x"] * faulty))
    assert refusal(FEED, body, FETCHED) is outcome


def test_six_faults_are_few_in_six_hundred_rows():
    at = datetime.fromisoformat("2027-12-01T12:00")
    few, many = (page(series(IBIT, ["5"] * good + ["x"] * 6, date(2024, 1, 11))) for good in (594, 593))
    assert read(FEED, few, at).rejected.height == 6
    assert refusal(FEED, many, at) is Outcome.TOO_MANY_FAULTS


# --- names and days twice -----------------------------------------------------------------------------------


def test_an_unknown_fund_is_set_aside_and_named_where_it_holds_something():
    labels = LABELS | {"101": "ChinaAMC (9042)", "102": "HarvestGlobal (9439)", "103": "no ticker"}
    cells = {IBIT: "5", "101": "7", "102": "0", "103": "9"}
    checked = read(FEED, page({MONDAY: cells, TUESDAY: cells}, labels=labels), FETCHED)
    assert set(values(checked, "btc_held")) == {("ibit", MONDAY), ("ibit", TUESDAY)}
    assert checked.unknown.select("source_name", "rows").rows() == [("ChinaAMC (9042)", 2), ("no ticker", 2)]


def test_a_provider_without_a_label_is_named_by_its_number():
    checked = read(FEED, page({MONDAY: {IBIT: "5", "14": "7"}}), FETCHED)
    assert set(values(checked, "btc_held")) == {("ibit", MONDAY)}
    assert checked.unknown["source_name"].to_list() == ["provider 14"]


def test_a_label_without_an_issuer_is_a_ticker_and_any_total_is_none():
    labels = {IBIT: "IBIT", "0": "Total (all funds)"}
    checked = read(FEED, page({MONDAY: {IBIT: "5"}}, labels=labels), FETCHED)
    assert set(values(checked, "btc_held")) == {("ibit", MONDAY)}
    assert checked.unknown.is_empty()


def test_a_row_of_zeros_on_a_day_without_a_session_says_nothing():
    saturday = MONDAY - timedelta(days=2)
    data = holdings_data({saturday: {IBIT: "0.0000"}, MONDAY: {IBIT: "5"}})
    data["chart3"][0]["0"] = "0.0000"
    checked = read(FEED, holdings_page(data), FETCHED)
    assert set(values(checked, "btc_held")) == {("ibit", MONDAY)}
    assert checked.rejected.is_empty()


def doubled(second: str) -> bytes:
    data = holdings_data({MONDAY: {IBIT: "5"}, TUESDAY: {IBIT: "6"}})
    for chart in ("chart1", "chart3"):
        data[chart].append({**data[chart][0], IBIT: second})
    return holdings_page(data)


def test_a_day_twice_with_equal_values_is_one_day():
    assert held(doubled("5")) == {("ibit", MONDAY): 5, ("ibit", TUESDAY): 6}


def test_a_day_twice_with_different_values_refuses_the_page():
    assert refusal(FEED, doubled("5.5"), FETCHED) is Outcome.CONFLICTING_ROWS


def test_two_labels_of_one_fund_that_disagree_refuse_the_page():
    labels = LABELS | {"9": "IBIT (iShares)"}
    assert refusal(FEED, page({MONDAY: {IBIT: "5", "9": "6"}}, labels=labels), FETCHED) is Outcome.CONFLICTING_ROWS


# --- faults of a body ---------------------------------------------------------------------------------------

DATA = holdings_data({MONDAY: {IBIT: "5", GBTC: "6"}, TUESDAY: {IBIT: "7", GBTC: "8"}})
GOOD, TWIN = holdings_page(DATA), holdings_json(DATA)


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"", Outcome.EMPTY_BODY),
        (CHALLENGE, Outcome.CHALLENGE),
        (b"ts,IBIT\n1730678400,5\n", Outcome.WRONG_TYPE),
        (b"\x89PNG\r\n", Outcome.WRONG_TYPE),
        (b"<html><body>Be right back</body></html>", Outcome.LAYOUT_CHANGED),
        (GOOD.replace(b"__NEXT_DATA__", b"__OTHER_DATA__"), Outcome.LAYOUT_CHANGED),
        (b"{}", Outcome.LAYOUT_CHANGED),
        (b'{"props": null}', Outcome.LAYOUT_CHANGED),
        (b'{"pageProps": {"dehydratedState": {"queries": [null]}}}', Outcome.LAYOUT_CHANGED),
        (b'{"pageProps": {"dehydratedState": {"queries": {}}}}', Outcome.LAYOUT_CHANGED),
        (TWIN.replace(b'["data", "us"]', b'["data", "hk"]'), Outcome.LAYOUT_CHANGED),
        (TWIN.replace(b'"chart3"', b'"chart5"'), Outcome.LAYOUT_CHANGED),
        (b'{"pageProps": {}, "chart3": [', Outcome.TRUNCATED),
        (b'{"pageProps": ' + b"[" * 100_000, Outcome.TRUNCATED),
        (b'{"pageProps": ' + b"9" * 5_000 + b"}", Outcome.TRUNCATED),
        (holdings_json(DATA | {"providers": {IBIT: "IBTC (BlackRock)", GBTC: "nothing"}}), Outcome.LAYOUT_CHANGED),
    ],
)
def test_a_body_that_is_not_the_page_is_refused_and_named(body, outcome):
    assert refusal(FEED, body, FETCHED) is outcome


@pytest.mark.parametrize("name", ["providers", "chart1", "chart3"])
@pytest.mark.parametrize("value", [None, [], {}, 5, "text", [5], [[5]], ["text"], [None], {"1": None}, {"1": {}}])
def test_a_data_block_of_another_shape_is_refused(name, value):
    assert refusal(FEED, holdings_json(DATA | {name: value}), FETCHED) is Outcome.LAYOUT_CHANGED


@pytest.mark.parametrize("body", [GOOD, TWIN])
def test_a_page_cut_anywhere_is_refused_or_whole(body):
    """Never a shorter series that looks good."""

    def rows(body: bytes):
        given_ = answer(body, FETCHED)
        return FEED.parse(given_.request, given_)

    whole, refused = rows(body), 0
    for end in range(1, len(body)):
        try:
            assert rows(body[:end]).equals(whole), f"cut after {end} bytes"
        except BodyRefused:
            refused += 1
    assert refused > len(body) * 0.9


# --- number and date cells ----------------------------------------------------------------------------------


@quick
@given(st.lists(st.integers(1, 21 * 10**14).map(lambda satoshi: Decimal(satoshi) / 10**8), min_size=1, max_size=8))
@example([Decimal("0.00000001"), Decimal("21000000.00000000")])
def test_a_holding_is_exact_to_the_satoshi(amounts):
    cells = series(IBIT, [f"{amount:.16f}" for amount in amounts])
    assert list(held(page(cells)).values()) == amounts


@quick
@given(st.text(st.sampled_from([*"0123456789.-+eE ,", "\u0663", "\u2212"]), max_size=8))
@example("\u0663")
@example("5.")
@example(".5")
@example("+5")
@example("1,234")
@example("12,34")
def test_garbage_never_becomes_a_holding(text):
    is_number = re.fullmatch(r"-?([0-9]{1,3}(,[0-9]{3})+|[0-9]+)(\.[0-9]+)?", text)
    checked = read(FEED, page({MONDAY: {IBIT: text, GBTC: "5"}}, {MONDAY: {GBTC: "5"}}), FETCHED)
    if not is_number:
        assert ("ibit", MONDAY) not in values(checked, "btc_held")
        assert checked.rejected.height == 1
    elif (value := Decimal(text.replace(",", ""))) > 0:
        assert values(checked, "btc_held")[("ibit", MONDAY)] == value


@quick
@given(st.dates(date(2024, 1, 11), date(2027, 12, 31)), st.integers(0, 86_399))
def test_a_stamp_is_its_utc_day_and_every_day_is_a_session_or_set_aside(day, second):
    beside = TUESDAY if day == MONDAY else MONDAY
    body = page({seconds(day) + second: {IBIT: "5"}, beside: {IBIT: "6"}})
    checked = read(FEED, body, datetime.fromisoformat("2028-01-01T12:00"))
    is_there = values(checked, "btc_held").get(("ibit", day)) == 5
    assert is_there == (day.weekday() < 5 and day not in SEEDS.closed_days)
    assert checked.rejected.height == (0 if is_there else 1)


# --- the door -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "is_ours"),
    [
        ("https://btcetffundflow.com/us", True),
        ("https://www.btcetffundflow.com/us/", True),
        ("https://btcetffundflow.com/_next/data/aB3-x/us.json", True),
        ("https://btcetffundflow.com/hk", False),
        ("https://btcetffundflow.com/_next/data/a/b/us.json", False),
        ("https://other.test/us", False),
    ],
)
def test_a_feed_owns_its_own_pages_only(url, is_ours):
    assert FEED.owns(urlsplit(url)) is is_ours


def test_the_hand_written_page_is_json_in_a_script():
    """The builder of this file holds what it says it holds."""
    start = GOOD.index(b'json">') + len(b'json">')
    twin = json.loads(GOOD[start : GOOD.index(b"</script>")])["props"]
    assert twin == json.loads(TWIN)
