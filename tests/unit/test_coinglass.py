"""CoinGlass's flow history, one story each: what is a flow, what is set aside, and when an answer is refused."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from flow_pages import coinglass, milliseconds, point
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import CHALLENGE, SEEDS, answer, read, refusal, values

from pipelines.feeds.coinglass import URL, CoinGlassEtfFlows
from pipelines.feeds.pages import fragment
from pipelines.tables.base import Checked
from pipelines.wire import BodyRefused, Outcome, Request, Window

FEED = CoinGlassEtfFlows(SEEDS)
FETCHED = datetime.fromisoformat("2024-12-20T15:00")
MONDAY, TUESDAY, WEDNESDAY = date(2024, 11, 4), date(2024, 11, 5), date(2024, 11, 6)
FRIDAY = date(2024, 11, 8)
SATURDAY, THANKSGIVING = date(2024, 11, 9), date(2024, 11, 28)
GOOD = point(MONDAY, {"IBIT": 1, "FBTC": 2}, 3)


def answered(*points: Any, at: datetime = FETCHED) -> Checked:
    return read(FEED, coinglass(list(points)), at)


def flows(checked: Checked) -> dict[tuple[str, date], Decimal]:
    return values(checked, "net_flow_usd")


# --- what a flow is -----------------------------------------------------------------------------------------


def test_a_flow_is_in_dollars_of_the_utc_day_of_its_stamp():
    checked = answered(point(MONDAY, {"IBIT": 209400000, "FBTC": -1044500000.25, "GBTC": 0}, -835100000.25))
    assert flows(checked) == {
        ("ibit", MONDAY): Decimal("209400000.00"),
        ("fbtc", MONDAY): Decimal("-1044500000.25"),
        ("gbtc", MONDAY): Decimal("0.00"),
    }
    assert set(values(checked, "printed_total_usd").values()) == {Decimal("-835100000.25")}
    assert set(values(checked, "flow_basis").values()) == {"reported"}


@pytest.mark.parametrize("silent", [..., None])
def test_a_fund_without_a_flow_is_no_row_and_makes_its_session_provisional(silent):
    checked = answered(point(MONDAY, {"IBIT": 5, "BTCW": silent}, 5), point(TUESDAY, {"IBIT": 6, "BTCW": 0}, 6))
    assert values(checked, "is_provisional") == {
        ("ibit", MONDAY): True,
        ("ibit", TUESDAY): False,
        ("btcw", TUESDAY): False,
    }


def test_a_row_is_provisional_until_two_in_the_afternoon_of_the_next_day():
    settles = datetime.fromisoformat("2024-11-05T14:00")
    early, late = (answered(GOOD, at=at) for at in (settles - timedelta(seconds=1), settles))
    assert set(values(early, "is_provisional").values()) == {True}
    assert set(values(late, "is_provisional").values()) == {False}


@pytest.mark.parametrize("total", [None, 0, 0.0])
def test_a_session_in_which_no_fund_has_reported_is_pending(total):
    checked = answered(GOOD, point(TUESDAY, {"IBIT": ..., "FBTC": None}, total))
    assert {day for _, day in flows(checked)} == {MONDAY}
    assert checked.rejected.is_empty()


@pytest.mark.parametrize("day", [SATURDAY, THANKSGIVING])
def test_a_point_of_zeros_on_a_closed_day_is_nothing(day):
    checked = answered(GOOD, point(day, {"IBIT": 0, "FBTC": ...}, 0))
    assert {day for _, day in flows(checked)} == {MONDAY}
    assert checked.rejected.is_empty()


def test_a_missing_total_is_null_and_the_funds_load():
    assert set(values(answered(point(MONDAY, {"IBIT": 5})), "printed_total_usd").values()) == {None}


def test_the_order_of_the_points_does_not_matter():
    other = point(TUESDAY, {"IBIT": 5, "FBTC": 6}, 11)
    assert flows(answered(GOOD, other)) == flows(answered(other, GOOD))


@pytest.mark.parametrize("stamp", [f"{milliseconds(MONDAY)}", float(milliseconds(MONDAY)), milliseconds(MONDAY)])
def test_a_stamp_may_be_a_text_or_a_number(stamp):
    assert set(flows(answered(point(stamp, {"IBIT": 5})))) == {("ibit", MONDAY)}


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 86_399_999), st.integers(-(10**13), 10**13).map(lambda cents: Decimal(cents) / 100))
def test_a_stamp_is_its_utc_day_and_an_amount_is_exact_to_the_cent(within, value):
    checked = answered(point(milliseconds(MONDAY) + within, {"IBIT": float(value), "FBTC": str(value)}))
    assert flows(checked) == {("ibit", MONDAY): value, ("fbtc", MONDAY): value}


def test_a_locator_leads_to_the_flow():
    body = coinglass([GOOD, point(TUESDAY, {"IBIT": ..., "FBTC": -11000000})])
    place = values(read(FEED, body, FETCHED), "locator")[("fbtc", TUESDAY)]
    assert fragment(answer(body, FETCHED), place) == "-11000000"


# --- names --------------------------------------------------------------------------------------------------


def test_an_unknown_fund_is_named_and_the_rest_loads():
    checked = answered(point(MONDAY, {"IBIT": 1, "NEWB": 2}), point(TUESDAY, {"IBIT": 1, "NEWB": ...}))
    assert set(flows(checked)) == {("ibit", MONDAY), ("ibit", TUESDAY)}
    assert checked.unknown.rows() == [("fund", "NEWB", 2)]
    assert not any(values(checked, "is_provisional").values())


def test_a_fund_before_its_listing_or_after_its_last_day_is_no_row():
    eve, last, after = date(2024, 7, 30), date(2026, 8, 31), date(2026, 9, 1)
    checked = answered(
        point(eve, {"IBIT": 1, "BTC": 2}),
        point(last, {"IBIT": 1, "DEFI": 2}),
        point(after, {"IBIT": 1, "DEFI": 2}),
        at=datetime.fromisoformat("2026-10-01T12:00"),
    )
    assert set(flows(checked)) == {("ibit", eve), ("ibit", last), ("defi", last), ("ibit", after)}


# --- faults of a row ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("flow", ["n/a", "$5", "1e6", True, {"usd": 5}, [5], 10**11 + 1, float("nan")])
def test_a_flow_that_is_no_amount_is_set_aside_and_its_session_loads(flow):
    checked = answered(point(MONDAY, {"IBIT": 1, "FBTC": flow}))
    assert set(flows(checked)) == {("ibit", MONDAY)}
    assert checked.rejected["locator"].to_list() == ["/data/0/etf_flows/1/flow_usd"]


@pytest.mark.parametrize("total", ["n/a", "$5", [5], 10**11 + 1, "9" * 40])
def test_a_total_that_is_no_number_is_set_aside_and_the_funds_load(total):
    checked = answered(point(MONDAY, {"IBIT": 1}, total))
    assert values(checked, "printed_total_usd") == {("ibit", MONDAY): None}
    assert checked.rejected["locator"].to_list() == ["/data/0/flow_usd"]


@pytest.mark.parametrize(
    "bad",
    [
        point(milliseconds(TUESDAY) // 1000, {"IBIT": 1}),
        point(milliseconds(TUESDAY) * 1000, {"IBIT": 1}),
        point("2024-11-05", {"IBIT": 1}),
        point(None, {"IBIT": 1}),
        point(SATURDAY, {"IBIT": 1}, 1),
        point(THANKSGIVING, {"IBIT": ...}, 12),
        point(TUESDAY, {"IBIT": ...}, 12),
        {"timestamp": milliseconds(TUESDAY), "flow_usd": 5},
        {"timestamp": milliseconds(TUESDAY), "etf_flows": [{"ticker": "IBIT", "flow_usd": 5}]},
        {"flow_usd": 5, "etf_flows": [{"etf_ticker": "IBIT", "flow_usd": 5}]},
        "text",
        None,
    ],
)
def test_a_point_that_is_no_session_is_set_aside_and_the_rest_loads(bad):
    checked = answered(GOOD, bad)
    assert {day for _, day in flows(checked)} == {MONDAY}
    [rejected] = checked.rejected.to_dicts()
    assert rejected["rule"] == "readable"
    assert rejected["locator"].startswith("/data/1")


def test_an_answer_in_seconds_is_refused_and_not_an_empty_one():
    days = SEEDS.sessions(date(2024, 7, 1), date(2024, 12, 1))
    body = coinglass([point(milliseconds(day) // 1000, {"IBIT": 1}, 1) for day in days])
    assert refusal(FEED, body, FETCHED) is Outcome.TOO_MANY_FAULTS


@pytest.mark.parametrize("usd", [24.9, 24_900, 24_900_000_000])
def test_an_answer_in_another_unit_than_dollars_is_refused_with_the_median(usd):
    body = coinglass([point(day, {"IBIT": usd, "FBTC": -usd, "GBTC": 0}) for day in SEEDS.sessions(MONDAY, FRIDAY)])
    with pytest.raises(BodyRefused, match=rf"median of 10 flows is {usd:,.0f} US\$ in the unit of 1 US\$") as refused:
        read(FEED, body, FETCHED)
    assert refused.value.outcome is Outcome.LAYOUT_CHANGED


@pytest.mark.parametrize("usd", [100_000, 10_000_000_000])
def test_flows_of_a_hundred_thousand_to_ten_billion_dollars_are_in_dollars(usd):
    body = coinglass([point(day, {"IBIT": usd, "FBTC": -usd}) for day in SEEDS.sessions(MONDAY, FRIDAY)])
    assert read(FEED, body, FETCHED).rows.height == 10


def test_nine_flows_and_zeros_do_not_tell_the_unit():
    days = SEEDS.sessions(MONDAY, FRIDAY)
    body = coinglass([point(day, {"IBIT": 5, "FBTC": 0 if day == MONDAY else 5}) for day in days])
    assert read(FEED, body, FETCHED).rows.height == 10


def test_a_point_of_tomorrow_is_set_aside_and_the_rest_loads():
    checked = answered(GOOD, point(date(2024, 12, 23), {"IBIT": 5, "FBTC": 6}, 11))
    assert {day for _, day in flows(checked)} == {MONDAY}
    assert checked.rejected["rule"].to_list() == ["not_after_fetched_at"]


def test_a_day_twice_counts_once_where_it_says_the_same_and_refuses_the_answer_where_not():
    later = point(milliseconds(MONDAY) + 3_600_000, {"IBIT": 1, "FBTC": 2}, 3)
    assert flows(answered(GOOD, later)) == flows(answered(GOOD))
    other = coinglass([GOOD, point(MONDAY, {"IBIT": 1, "FBTC": 3}, 4)])
    assert refusal(FEED, other, FETCHED) is Outcome.CONFLICTING_ROWS


# --- faults of a body ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"", Outcome.EMPTY_BODY),
        (CHALLENGE, Outcome.CHALLENGE),
        (b"<html><body>upgrade your plan</body></html>", Outcome.WRONG_TYPE),
        (coinglass([GOOD])[:-9], Outcome.TRUNCATED),
        (b"[]", Outcome.LAYOUT_CHANGED),
        (b'{"success": true}', Outcome.LAYOUT_CHANGED),
        (coinglass([]), Outcome.LAYOUT_CHANGED),
        (coinglass(None), Outcome.LAYOUT_CHANGED),
        (coinglass({"list": [GOOD]}), Outcome.LAYOUT_CHANGED),
        (coinglass([point(MONDAY, {"ETHA": 1, "FETH": 2}, 3)]), Outcome.LAYOUT_CHANGED),
        (coinglass([GOOD]).replace(b"etf_flows", b"flows"), Outcome.LAYOUT_CHANGED),
        (coinglass([{"timestamp": milliseconds(MONDAY), "etf_flows": 5}]), Outcome.LAYOUT_CHANGED),
        (coinglass([GOOD]).replace(b"etf_ticker", b"ticker"), Outcome.LAYOUT_CHANGED),
        (coinglass([GOOD]).replace(b'"timestamp"', b'"time"'), Outcome.TOO_MANY_FAULTS),
    ],
)
def test_an_answer_that_is_not_the_history_is_refused_and_named(body, outcome):
    assert refusal(FEED, body, FETCHED) is outcome


@pytest.mark.parametrize(
    ("code", "outcome"), [("30001", Outcome.HTTP_ERROR), (401, Outcome.HTTP_ERROR), ("429", Outcome.RATE_LIMITED)]
)
def test_an_error_in_an_envelope_is_refused_by_its_code_and_its_message_is_left_in_the_body(code, outcome):
    """The message may hold the key that was sent."""
    body = coinglass([GOOD], code=code, msg="API key sesame-42 missing", message="sesame-42")
    with pytest.raises(BodyRefused, match=f"error code {code};") as refused:
        read(FEED, body, FETCHED)
    assert refused.value.outcome is outcome
    assert "sesame" not in refused.value.reason


@pytest.mark.parametrize("code", ["key sesame-42 is unknown", {"key": "sesame-42"}, "sesame-42" * 4])
def test_what_is_no_code_is_not_repeated(code):
    with pytest.raises(BodyRefused, match="answers with an error;") as refused:
        read(FEED, coinglass([GOOD], code=code), FETCHED)
    assert "sesame" not in refused.value.reason


# --- the door -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "is_ours"),
    [
        (URL, True),
        ("https://open-api-v4.coinglass.com/api/etf/ethereum/flow-history", False),
        ("https://open-api-v4.coinglass.com/api/etf/bitcoin/list", False),
        ("https://other.test/api/etf/bitcoin/flow-history", False),
    ],
)
def test_a_feed_owns_its_own_address_only(url, is_ours):
    assert FEED.owns(urlsplit(url)) is is_ours


def test_the_whole_history_is_asked_whatever_the_window():
    assert list(FEED.requests(Window(MONDAY, WEDNESDAY))) == [[Request.get(URL)]]
