"""SoSoValue's newest flows, one story each: what is reported, what is pending, and when an answer is refused."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from flow_pages import figure, sosovalue
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import CHALLENGE, SEEDS, answer, read, refusal, values

from pipelines.feeds.pages import fragment
from pipelines.feeds.sosovalue import URL, SoSoValueEtfFlows
from pipelines.tables.base import Checked
from pipelines.wire import BodyRefused, Outcome, Request, Window

FEED = SoSoValueEtfFlows(SEEDS)
FRIDAY, MONDAY, TUESDAY = date(2024, 11, 1), date(2024, 11, 4), date(2024, 11, 5)
FETCHED = datetime.fromisoformat("2024-11-05T15:00")
"""After Monday has settled."""
PENDING = figure(None, FRIDAY, "3")


def answered(total: Any = None, at: datetime = FETCHED, **funds: Any) -> Checked:
    return read(FEED, sosovalue(funds, total or figure("5", MONDAY)), at)


def flows(checked: Checked) -> dict[tuple[str, date], Decimal]:
    return values(checked, "net_flow_usd")


# --- what a flow is -----------------------------------------------------------------------------------------


def test_a_reported_figure_is_the_flow_of_its_day_in_dollars():
    checked = answered(IBIT=figure("209400000.55", MONDAY), GBTC=figure("-1044500000", MONDAY))
    assert flows(checked) == {
        ("ibit", MONDAY): Decimal("209400000.55"),
        ("gbtc", MONDAY): Decimal("-1044500000.00"),
    }
    assert set(values(checked, "flow_basis").values()) == {"reported"}


@pytest.mark.parametrize(
    "pending",
    [PENDING, figure("5", MONDAY, "3"), figure(None, MONDAY), figure(None, MONDAY, None), figure("7", MONDAY, 3)],
)
def test_a_pending_figure_is_no_row_and_no_fault(pending):
    checked = answered(IBIT=pending, FBTC=figure("-23000000", MONDAY))
    assert set(flows(checked)) == {("fbtc", MONDAY)}
    assert checked.rejected.is_empty()


def test_an_answer_in_which_all_is_pending_is_good_and_has_no_row():
    checked = answered(total=PENDING, IBIT=PENDING, FBTC=PENDING)
    assert (checked.rows.height, checked.rejected.height, checked.unknown.height) == (0, 0, 0)


def test_a_reported_zero_is_a_zero():
    assert flows(answered(IBIT=figure("0", MONDAY), FBTC=figure("-0.0", MONDAY))) == {
        ("ibit", MONDAY): Decimal("0.00"),
        ("fbtc", MONDAY): Decimal("0.00"),
    }


def test_each_fund_has_the_day_that_its_own_figure_is_of():
    checked = answered(IBIT=figure("1", MONDAY), HODL=figure("2", FRIDAY))
    assert set(flows(checked)) == {("ibit", MONDAY), ("hodl", FRIDAY)}


@pytest.mark.parametrize(
    ("total", "funds", "printed"),
    [
        (figure("3", MONDAY), {"IBIT": figure("1", MONDAY), "FBTC": figure("2", MONDAY)}, Decimal("3.00")),
        (figure("1", MONDAY), {"IBIT": figure("1", MONDAY), "FBTC": PENDING}, None),
        (figure("3", MONDAY), {"IBIT": figure("1", MONDAY), "FBTC": figure("2", FRIDAY)}, None),
        (figure("3", FRIDAY), {"IBIT": figure("1", MONDAY), "FBTC": figure("2", MONDAY)}, None),
        (figure("3", MONDAY, "3"), {"IBIT": figure("1", MONDAY), "FBTC": figure("2", MONDAY)}, None),
        (figure("3", MONDAY, "2"), {"IBIT": figure("1", MONDAY), "FBTC": figure("2", MONDAY)}, None),
        (figure(None, MONDAY), {"IBIT": figure("1", MONDAY), "FBTC": figure("2", MONDAY)}, None),
        (figure("9", MONDAY), {"IBIT": figure("1", MONDAY), "NEWB": figure("8", MONDAY)}, Decimal("9.00")),
        (figure("9", MONDAY), {"IBIT": figure("1", MONDAY), "NEWB": PENDING}, None),
        (figure("9", MONDAY), {"IBIT": figure("1", MONDAY), "FBTC": {}}, None),
        ("none", {"IBIT": figure("1", MONDAY), "FBTC": figure("2", MONDAY)}, None),
    ],
)
def test_the_total_counts_only_where_all_of_the_list_have_reported_its_day(total, funds, printed):
    checked = answered(total=total, **funds)
    assert values(checked, "printed_total_usd")[("ibit", MONDAY)] == printed


def test_a_row_is_provisional_until_two_in_the_afternoon_of_the_next_day():
    settles = datetime.fromisoformat("2024-11-05T14:00")
    early, late = (answered(at=at, IBIT=figure("1", MONDAY)) for at in (settles - timedelta(seconds=1), settles))
    assert values(early, "is_provisional") == {("ibit", MONDAY): True}
    assert values(late, "is_provisional") == {("ibit", MONDAY): False}


def test_a_row_is_provisional_while_a_listed_fund_has_not_come_to_its_day():
    for silent in (PENDING, figure("2", FRIDAY)):
        assert values(answered(IBIT=figure("1", MONDAY), FBTC=silent), "is_provisional")[("ibit", MONDAY)]
    behind = answered(IBIT=figure("1", MONDAY), FBTC=figure("2", FRIDAY))
    assert not values(behind, "is_provisional")[("fbtc", FRIDAY)], "the other has come further"


def test_a_fund_that_is_not_listed_or_not_known_makes_no_row_provisional():
    checked = answered(IBIT=figure("1", MONDAY), MSBT=PENDING, NEWB=PENDING)
    assert values(checked, "is_provisional") == {("ibit", MONDAY): False}


def test_a_locator_leads_to_the_value():
    body = sosovalue({"IBIT": PENDING, "FBTC": figure("-23000000", MONDAY)}, PENDING)
    place = values(read(FEED, body, FETCHED), "locator")[("fbtc", MONDAY)]
    assert fragment(answer(body, FETCHED), place) == "-23000000"


# --- names --------------------------------------------------------------------------------------------------


def test_an_unknown_fund_is_named_and_the_rest_loads():
    checked = answered(IBIT=figure("1", MONDAY), NEWB=figure("8", MONDAY))
    assert set(flows(checked)) == {("ibit", MONDAY)}
    assert checked.unknown.rows() == [("fund", "NEWB", 1)]


def test_a_fund_before_its_listing_or_after_its_last_day_is_no_row():
    checked = answered(IBIT=figure("1", MONDAY), MSBT=figure("2", MONDAY))
    assert set(flows(checked)) == {("ibit", MONDAY)}
    day, at = date(2026, 9, 1), datetime.fromisoformat("2026-09-02T15:00")
    assert set(flows(answered(at=at, IBIT=figure("1", day), DEFI=figure("2", day)))) == {("ibit", day)}


# --- faults of a row ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [
        figure("n/a", MONDAY),
        figure("", MONDAY),
        figure("$5", MONDAY),
        figure("1.5E+8", MONDAY),
        figure(True, MONDAY),
        figure("100000000000.01", MONDAY),
        figure("9" * 40, MONDAY),
        figure("5", "11/04/2024"),
        figure("5", "1730678400000"),
        figure("5", date(2024, 11, 2)),
        figure("5", MONDAY, "2"),
        figure("5", MONDAY, None),
        {"value": "5", "lastUpdateDate": "2024-11-04"},
        {"value": "5", "lastUpdateDate": 20241104, "status": "1"},
        "5",
        None,
    ],
)
def test_a_figure_that_cannot_be_read_is_set_aside_and_the_rest_loads(bad):
    checked = answered(IBIT=figure("1", MONDAY), FBTC=bad)
    assert set(flows(checked)) == {("ibit", MONDAY)}
    [rejected] = checked.rejected.to_dicts()
    assert rejected["rule"] == "readable"
    assert rejected["locator"].startswith("/data/list/1")


def test_a_total_that_is_no_number_is_set_aside_and_the_funds_load():
    checked = answered(total=figure("?", MONDAY), IBIT=figure("1", MONDAY))
    assert values(checked, "printed_total_usd") == {("ibit", MONDAY): None}
    assert checked.rejected.select("row_json", "locator").rows() == [("?", "/data/dailyNetInflow/value")]


def test_a_figure_of_tomorrow_is_set_aside_and_the_rest_loads():
    checked = answered(IBIT=figure("1", MONDAY), FBTC=figure("2", date(2024, 11, 6)))
    assert set(flows(checked)) == {("ibit", MONDAY)}
    assert checked.rejected["rule"].to_list() == ["not_after_fetched_at"]


@settings(deadline=None, max_examples=60)
@given(st.integers(-(10**13), 10**13).map(lambda cents: Decimal(cents) / 100), st.sampled_from([str, float]))
def test_a_number_is_exact_to_the_cent_as_text_and_as_number(value, kind):
    assert flows(answered(IBIT=figure(kind(value), MONDAY)))[("ibit", MONDAY)] == value


# --- faults of a body ---------------------------------------------------------------------------------------

GOOD = sosovalue({"IBIT": figure("1", MONDAY)}, figure("1", MONDAY))


def doubled(second: str) -> bytes:
    document = json.loads(GOOD)
    twin = document["data"]["list"][0] | {"dailyNetInflow": figure(second, MONDAY)}
    document["data"]["list"].append(twin)
    return json.dumps(document).encode()


def test_a_fund_twice_counts_once_where_it_says_the_same_and_refuses_the_answer_where_not():
    assert flows(read(FEED, doubled("1"), FETCHED)) == {("ibit", MONDAY): 1}
    assert refusal(FEED, doubled("2"), FETCHED) is Outcome.CONFLICTING_ROWS


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"", Outcome.EMPTY_BODY),
        (CHALLENGE, Outcome.CHALLENGE),
        (b"<html><body>log in</body></html>", Outcome.WRONG_TYPE),
        (GOOD[:-20], Outcome.TRUNCATED),
        (b"[]", Outcome.LAYOUT_CHANGED),
        (b"{}", Outcome.LAYOUT_CHANGED),
        (sosovalue({}, PENDING), Outcome.LAYOUT_CHANGED),
        (sosovalue({"ETHA": figure("1", MONDAY)}, PENDING), Outcome.LAYOUT_CHANGED),
        (sosovalue({"IBIT": "5"}, PENDING), Outcome.LAYOUT_CHANGED),
        (GOOD.replace(b'"list"', b'"funds"'), Outcome.LAYOUT_CHANGED),
        (GOOD.replace(b'"dailyNetInflow"', b'"netInflow"'), Outcome.LAYOUT_CHANGED),
        (sosovalue({}, PENDING, data=None), Outcome.LAYOUT_CHANGED),
        (sosovalue({}, PENDING, data=[{"date": "2024-11-04", "totalNetInflow": 5.0}]), Outcome.LAYOUT_CHANGED),
        (sosovalue({"IBIT": figure("1", MONDAY, "reported")}, PENDING), Outcome.TOO_MANY_FAULTS),
    ],
)
def test_an_answer_that_is_not_the_one_asked_for_is_refused_and_named(body, outcome):
    assert refusal(FEED, body, FETCHED) is outcome


@pytest.mark.parametrize(
    ("envelope", "outcome", "said"),
    [
        ({"code": 401, "msg": "invalid key sesame-42", "data": None}, Outcome.HTTP_ERROR, "error code 401;"),
        ({"code": "40101", "msg": None}, Outcome.HTTP_ERROR, "error code 40101;"),
        ({"code": 429, "msg": "too many\nrequests of sesame-42"}, Outcome.RATE_LIMITED, "error code 429;"),
    ],
)
def test_an_error_in_an_envelope_is_refused_by_its_code_and_its_message_is_left_in_the_body(envelope, outcome, said):
    with pytest.raises(BodyRefused, match=said) as refused:
        read(FEED, sosovalue({"IBIT": figure("1", MONDAY)}, figure("1", MONDAY), **envelope), FETCHED)
    assert refused.value.outcome is outcome
    assert "sesame" not in refused.value.reason


@pytest.mark.parametrize("usd", ["24.9", "-24900", "24900000000"])
def test_a_session_in_another_unit_than_dollars_is_refused(usd):
    """One session has few flows: three that are not zero tell their unit."""
    three = {ticker: figure(usd, MONDAY) for ticker in ("IBIT", "FBTC", "GBTC")}
    body = sosovalue(three | {"HODL": figure("0", MONDAY)}, figure(None, MONDAY))
    with pytest.raises(BodyRefused, match=r"median of 3 flows is [\d,]+ US\$ in the unit of 1 US\$") as refused:
        read(FEED, body, FETCHED)
    assert refused.value.outcome is Outcome.LAYOUT_CHANGED


# --- the door -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "is_ours"),
    [
        (URL, True),
        (URL + "/", True),
        ("https://api.sosovalue.xyz/openapi/v2/etf/historicalInflowChart", False),
        ("https://openapi.sosovalue.com/openapi/v2/etf/currentEtfDataMetrics", False),
    ],
)
def test_a_feed_owns_its_own_address_only(url, is_ours):
    assert FEED.owns(urlsplit(url)) is is_ours


def test_the_bitcoin_funds_of_the_us_are_asked_for_and_the_key_is_left_to_the_transport():
    [[asked]] = FEED.requests(Window(MONDAY, TUESDAY))
    assert asked == Request(URL, method="POST", body='{"type": "us-btc-spot"}')
