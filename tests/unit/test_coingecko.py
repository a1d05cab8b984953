"""CoinGecko's daily levels: which points are read, in which unit they are asked for, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from market_pages import ERROR_BODIES, FETCHED, answered, converse, ms, ranges, read, refusal, sec
from pages import CHALLENGE, SEEDS, Room

from pipelines.feeds.coingecko import CoinGeckoAssetMarket
from pipelines.wire import Outcome, Request, Window

FEED = CoinGeckoAssetMarket(SEEDS)
WINDOW = Window(date(2024, 12, 1), date(2025, 1, 1))
NOW = (ms("2025-01-02T09:29:58"), 1)
"""The last point of every answer: the moment of asking."""


def asked(window: Window = WINDOW) -> list[Request]:
    [requests] = converse(FEED, window, lambda request: answered(request, b"{}"))
    return requests


def asking(coin: str = "bitcoin") -> Request:
    return Request.get(f"https://api.coingecko.com/api/v3/coins/{coin}/market_chart/range", dict(asked()[0].params))


def midnights(count: int) -> list[tuple[Any, Any]]:
    return [(ms("2024-12-02T00:00") + n * 86_400_000, 90000 + n) for n in range(count)]


def levels(prices: list[Any], caps: list[Any] | None = None) -> dict[date, tuple[Any, Any]]:
    rows = read(FEED, asking(), ranges([*prices, NOW], [*(caps or []), NOW], [NOW])).rows
    return {row["date_day"]: (row["price_usd"], row["market_cap_usd"]) for row in rows.iter_rows(named=True)}


# --- what is asked ------------------------------------------------------------------------------------------


def test_each_asset_is_asked_for_once_in_seconds():
    requests = asked()
    ids = SEEDS.asset_aliases("coingecko")
    assert [request.url.split("/")[6] for request in requests] == list(ids)
    params = dict(requests[0].params)
    assert (params["vs_currency"], params["precision"]) == ("usd", "full")
    assert sec("2024-12-01T23:50") <= int(params["from"]) <= sec("2024-12-02T00:00")
    assert sec("2025-01-02T00:00") < int(params["to"]) <= sec("2025-01-02T02:00")


def test_a_window_of_years_asks_for_no_more_than_a_demo_key_may_see():
    params = dict(asked(Window(date(2023, 12, 31), date(2025, 1, 1)))[0].params)
    latest_pull = datetime(2025, 1, 3, 2, tzinfo=UTC)
    assert latest_pull - datetime.fromtimestamp(int(params["from"]), UTC) < timedelta(days=365)
    assert latest_pull - datetime.fromtimestamp(int(params["from"]), UTC) > timedelta(days=363)


def test_it_owns_the_range_of_a_coin_and_nothing_else():
    assert all(FEED.owns(urlsplit(url)) for url in FEED.known_urls)
    assert FEED.owns(asking("some-coin").target)
    for path in ("coins/bitcoin/market_chart", "coins/bitcoin/history", "coins/a/b/market_chart/range", "global"):
        assert not FEED.owns(urlsplit(f"https://api.coingecko.com/api/v3/{path}"))
    assert not FEED.owns(urlsplit("https://pro-api.coingecko.com/api/v3/coins/bitcoin/market_chart/range"))


# --- which points are read ----------------------------------------------------------------------------------


def test_the_point_at_midnight_is_the_level_of_the_day_before():
    body = ranges([*midnights(1), NOW], [(ms("2024-12-02T00:00"), 5), NOW], [(ms("2024-12-02T00:00"), 6.5), NOW])
    [row] = read(FEED, asking(), body).rows.iter_rows(named=True)
    assert (row["asset_id"], row["date_day"]) == ("btc", date(2024, 12, 1))
    assert row["observed_at"] == datetime.fromisoformat("2024-12-02T00:00")
    assert (row["price_usd"], row["market_cap_usd"], row["volume_24h_usd"]) == (90000, 5, Decimal("6.5"))
    assert (row["circulating_supply"], row["source_status"]) == (None, None)
    assert row["locator"] == "/prices/0 /market_caps/0 /total_volumes/0"


def test_the_moment_of_asking_is_no_level_even_just_after_midnight():
    body = ranges([*midnights(3), (ms("2024-12-05T00:02:11"), 7)])
    rows = read(FEED, asking(), body, datetime.fromisoformat("2024-12-05T00:02:12")).rows
    assert rows["date_day"].to_list() == [date(2024, 12, n) for n in (1, 2, 3)]


def test_a_last_point_at_midnight_is_a_level():
    assert read(FEED, asking(), ranges(midnights(3))).rows.height == 3


def test_of_hourly_points_only_those_near_midnight_are_read():
    hours = [(ms("2024-12-10T20:00") + n * 3_600_000 + 23_456, n) for n in range(10)]
    assert levels(hours) == {date(2024, 12, 10): (4, None)}


def test_of_five_minute_points_the_one_nearest_to_midnight_is_read():
    points = [(ms("2024-12-11T00:00") + n * 60_000 + 7_000, 100 + n) for n in (-4, -1, 0, 3)]
    assert levels(points) == {date(2024, 12, 10): (100, None)}


def test_a_midnight_without_a_point_has_no_row():
    found = levels([midnights(3)[0], (ms("2024-12-03T00:06"), 1), midnights(3)[2]])
    assert list(found) == [date(2024, 12, 1), date(2024, 12, 3)]


@pytest.mark.parametrize("nothing", [0, 0.0, None, "0"])
def test_a_market_cap_of_nothing_is_null(nothing):
    stamp = midnights(1)[0][0]
    assert levels(midnights(1), [(stamp, nothing)]) == {date(2024, 12, 1): (90000, None)}


def test_a_coin_that_nobody_asked_for_is_set_aside_by_name():
    checked = read(FEED, asking("dogecoin"), ranges([*midnights(3), NOW]))
    assert checked.rows.height == 0
    assert checked.unknown.rows() == [("asset", "dogecoin", 3)]


@settings(deadline=None, max_examples=30)
@given(st.permutations(midnights(12)))
def test_the_order_of_the_points_says_nothing(points):
    found = levels(points)
    assert [found[day][0] for day in sorted(found)] == [90000 + n for n in range(12)]


# --- what is set aside, and what is refused -----------------------------------------------------------------


@pytest.mark.parametrize("price", [None, float("nan"), "n/a", -5, 0, [1]])
def test_a_price_that_is_none_is_set_aside_and_the_others_load(price):
    points = [*midnights(9), (ms("2024-12-20T00:00"), price), NOW]
    checked = read(FEED, asking(), ranges(points))
    assert (checked.rows.height, checked.rejected.height) == (9, 1)


@pytest.mark.parametrize("point", [5, [], [1], (sec("2024-12-20T00:00"), 5), ("noon", 5), (None, 5)])
def test_a_point_that_is_none_is_set_aside_and_the_others_load(point):
    checked = read(FEED, asking(), ranges([*midnights(9), point, NOW]))
    assert (checked.rows.height, checked.rejected.height) == (9, 1)


@pytest.mark.parametrize("cap", [float("nan"), "much", -5])
def test_a_market_cap_that_is_none_is_named(cap):
    points = midnights(9)
    checked = read(FEED, asking(), ranges([*points, NOW], [*points[:8], (points[8][0], cap), NOW]))
    assert checked.rejected.height == 1


def test_a_future_point_is_set_aside_by_name():
    checked = read(FEED, asking(), ranges([*midnights(3), (ms("2025-02-01T00:00"), 5)]))
    assert checked.rows.height == 3
    assert checked.rejected["rule"].to_list() == ["not_after_fetched_at"]


REFUSED = {
    "no points": (ranges([]), Outcome.EMPTY_BODY),
    "seconds": (ranges([(stamp // 1000, price) for stamp, price in midnights(20)]), Outcome.TOO_MANY_FAULTS),
    "another year": (ranges([(stamp - 366 * 86_400_000, 5) for stamp, _ in midnights(20)]), Outcome.LAYOUT_CHANGED),
    "one instant, two prices": (ranges([*midnights(5), (midnights(5)[2][0], 1)]), Outcome.CONFLICTING_ROWS),
    "zeros": (ranges([(stamp, 0) for stamp, _ in midnights(20)]), Outcome.TOO_MANY_FAULTS),
    "no volumes": (b'{"prices": [[1733097600000, 5]], "market_caps": []}', Outcome.LAYOUT_CHANGED),
    "a limit": (b'{"status": {"error_code": 429, "error_message": "wait"}}', Outcome.LAYOUT_CHANGED),
    "too far back": (b'{"error": {"status": {"error_code": 10012}}}', Outcome.LAYOUT_CHANGED),
    "cut off": (ranges(midnights(9))[:-30], Outcome.TRUNCATED),
    "a bot wall": (CHALLENGE, Outcome.CHALLENGE),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_body_that_is_no_answer_is_refused_by_name(name):
    body, outcome = REFUSED[name]
    assert refusal(FEED, asking(), body) is outcome


@pytest.mark.parametrize("name", ERROR_BODIES)
def test_an_error_with_status_200_is_refused(name):
    assert refusal(FEED, asking(), ERROR_BODIES[name]) is Outcome.LAYOUT_CHANGED


def test_pulling_the_same_levels_again_adds_no_row(tmp_path):
    room = Room(tmp_path, FEED)
    for days in range(3):
        room.put(ranges([*midnights(20), NOW]), FETCHED + timedelta(days=days), asking().full_url)
    room.load()
    assert room.rows("select count(*), max(run_number) from feeds.coingecko__asset_market") == [(20, 1)]
