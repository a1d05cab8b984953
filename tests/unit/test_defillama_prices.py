"""Prices of coins.llama.fi: which slots are asked for, which record stands for a slot, and what is refused."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from market_pages import ERROR_BODIES, FETCHED, answered, chart, converse, read, refusal, sec
from pages import CHALLENGE, SEEDS, Room

from pipelines.feeds.base import Feed
from pipelines.feeds.defillama_prices import DefiLlamaPricesDaily, DefiLlamaPricesHourly
from pipelines.tables.market import AssetPrice
from pipelines.wire import Outcome, Request, Window

HOURLY, DAILY = DefiLlamaPricesHourly(SEEDS), DefiLlamaPricesDaily(SEEDS)
BTC, ETH, STX = "coingecko:bitcoin", "coingecko:ethereum", "coingecko:blockstack"
DAY = date(2024, 12, 31)
YEAR = Window(date(2023, 12, 31), DAY)


def asking(feed: Feed, first: date = DAY, last: date = DAY) -> Request:
    [[request]] = converse(feed, Window(first, last), lambda request: answered(request, b"{}"))
    return request


def prices(feed: Feed, points: list[tuple[Any, Any]], coin: str = BTC) -> dict[datetime, Decimal]:
    rows = read(feed, asking(feed), chart({coin: points})).rows
    return dict(zip(rows["slot_at"], rows["price_usd"], strict=True))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


# --- what is asked ------------------------------------------------------------------------------------------


def test_a_day_alone_is_asked_with_both_its_ends_and_nothing_is_left_to_defaults():
    assert asking(HOURLY).full_url.startswith("https://coins.llama.fi/chart/")
    assert dict(asking(HOURLY).params) == {"start": str(sec("2024-12-31T00:00")), "span": "25", "period": "1h"}
    assert dict(asking(DAILY).params) == {"start": str(sec("2024-12-31T00:00")), "span": "2", "period": "1d"}


def test_hours_are_asked_of_bitcoin_and_ether_and_days_of_every_asset():
    assert set(asking(HOURLY).url.rsplit("/", 1)[1].split(",")) == {BTC, ETH}
    assert set(asking(DAILY).url.rsplit("/", 1)[1].split(",")) == set(SEEDS.asset_aliases("defillama"))
    assert STX in asking(DAILY).url


@pytest.mark.parametrize(("feed", "most"), [(HOURLY, 20), (DAILY, 2)])
def test_a_year_takes_few_requests_of_bounded_size_and_every_day_is_in_exactly_one(feed, most):
    [requests] = converse(feed, YEAR, lambda request: answered(request, b"{}"))
    assert len(requests) <= most
    assert max(int(dict(request.params)["span"]) for request in requests) <= 481
    assert [day for request in requests for day in feed.days_of(request)] == YEAR.days()


def test_no_slot_is_missed_between_two_requests():
    [requests] = converse(HOURLY, YEAR, lambda request: answered(request, b"{}"))
    slots = set()
    for request in requests:
        params = dict(request.params)
        slots |= {int(params["start"]) + 3600 * n for n in range(int(params["span"]))}
    assert slots == set(range(sec("2023-12-31T00:00"), sec("2025-01-01T00:00") + 1, 3600))
    strikes = {sec(SEEDS.strike_at(day).isoformat()) for day in SEEDS.sessions(YEAR.first, YEAR.last)}
    assert strikes <= slots


@pytest.mark.parametrize("feed", [HOURLY, DAILY])
def test_an_address_that_names_no_days_speaks_of_none(feed):
    bare = asking(feed).url
    for params in (
        {},
        {"start": "1735603200"},
        {"span": "2"},
        {"start": "x", "span": "2"},
        {"start": "1", "span": "0"},
    ):
        assert feed.days_of(Request.get(bare, params)) == []


def test_each_of_the_two_feeds_owns_its_own_addresses():
    for feed, other in ((HOURLY, DAILY), (DAILY, HOURLY)):
        assert feed.owns(asking(feed).target)
        assert not other.owns(asking(feed).target)
        assert feed.owns(urlsplit(feed.known_urls[0]))
        assert not feed.owns(urlsplit("https://coins.llama.fi/prices/current/coingecko:bitcoin"))
        assert not feed.owns(urlsplit("https://yields.llama.fi/chart/747c1d2a"))


def test_hours_settle_soon_and_days_are_looked_at_for_a_week():
    kept = [(m.settle_lag_hours, m.revision_window_days, m.history_from) for m in (HOURLY.manners, DAILY.manners)]
    assert kept == [(2, 2, date(2023, 12, 31)), (2, 7, date(2023, 12, 31))]


# --- which record stands for a slot -------------------------------------------------------------------------


def test_an_hourly_price_stands_for_its_nearest_full_hour():
    found = prices(HOURLY, [(sec("2024-12-31T20:00:30"), 93000.5), (sec("2024-12-31T20:59:12"), 93100)])
    assert found == {at("2024-12-31T20:00"): Decimal("93000.5"), at("2024-12-31T21:00"): Decimal(93100)}


def test_the_end_of_a_day_is_the_start_of_the_next():
    rows = read(DAILY, asking(DAILY), chart({BTC: [(sec("2025-01-01T00:00:05"), 93508)]})).rows
    [row] = rows.iter_rows(named=True)
    assert (row["asset_id"], row["slot_at"], row["slot_sec"]) == ("btc", at("2025-01-01T00:00"), 86400)
    assert row["priced_at"] == at("2025-01-01T00:00:05")
    assert row["confidence_ratio"] == 0.99
    assert row["locator"] == f"/coins/{BTC}/prices/0"


def test_only_the_nearest_record_stands_for_a_slot():
    points = [(sec("2024-12-31T11:52"), 1), (sec("2024-12-31T12:03"), 2), (sec("2024-12-31T12:20"), 3)]
    assert prices(HOURLY, points) == {at("2024-12-31T12:00"): 2}


def test_of_two_equally_near_records_the_earlier_one_counts():
    points = [(sec("2024-12-31T12:03"), 2), (sec("2024-12-31T11:57"), 1)]
    assert prices(HOURLY, points) == {at("2024-12-31T12:00"): 1}


def test_a_record_half_an_hour_from_two_slots_never_stands_for_the_earlier_one():
    assert prices(HOURLY, [(sec("2024-12-31T12:30"), 7)]) == {at("2024-12-31T13:00"): 7}


@pytest.mark.parametrize(
    ("stamp", "rows"), [("2024-12-31T18:00", 1), ("2024-12-31T17:59:59", 0), ("2025-01-01T06:00", 1)]
)
def test_a_daily_record_more_than_six_hours_from_a_day_end_is_no_price_of_it(stamp, rows):
    assert len(prices(DAILY, [(sec(stamp), 5), (sec("2024-12-31T00:00"), 4)])) == rows + 1


def test_an_hour_without_a_record_has_no_row():
    found = prices(HOURLY, [(sec("2024-12-31T10:00"), 1), (sec("2024-12-31T12:00"), 3)])
    assert at("2024-12-31T11:00") not in found


def test_a_coin_that_is_absent_is_absent():
    checked = read(DAILY, asking(DAILY), chart({BTC: [(sec("2025-01-01T00:00"), 1)]}))
    assert checked.rows["asset_id"].to_list() == ["btc"]
    assert (checked.rejected.height, checked.unknown.height) == (0, 0)


def test_a_coin_that_nobody_asked_for_is_set_aside_by_name():
    point = [(sec("2025-01-01T00:00"), 1)]
    checked = read(DAILY, asking(DAILY), chart({BTC: point, "coingecko:dogecoin": point * 3}))
    assert checked.rows["asset_id"].to_list() == ["btc"]
    assert checked.unknown.rows() == [("asset", "coingecko:dogecoin", 3)]


def test_prices_are_exact_whatever_way_they_are_written():
    hours = [sec(f"2024-12-31T0{hour}:00") for hour in range(1, 4)]
    figures = ["93000.123456785", '"93001.5"', "9.3002e4"]
    stamps = [f"{hours[0]}", f'"{hours[1]}"', f"{hours[2]}.0"]
    points = [f'{{"timestamp": {at}, "price": {price}}}' for at, price in zip(stamps, figures, strict=True)]
    body = f'{{"coins": {{"{BTC}": {{"confidence": 1, "prices": [{", ".join(points)}]}}}}}}'
    rows = read(HOURLY, asking(HOURLY), body.encode()).rows.sort("slot_at")
    assert rows["price_usd"].to_list() == [Decimal("93000.12345679"), Decimal("93001.5"), Decimal(93002)]


@settings(deadline=None, max_examples=40)
@given(st.permutations([(sec("2024-12-31T00:00") + 1200 * n, 1000 + n) for n in range(30)]))
def test_the_order_of_the_points_says_nothing(points):
    in_order = prices(HOURLY, sorted(points))
    assert prices(HOURLY, points) == in_order
    assert len(in_order) == 11


# --- what is set aside, and what is refused -----------------------------------------------------------------


def many(count: int, first: str = "2024-12-31T00:00") -> list[tuple[Any, Any]]:
    return [(sec(first) + 3600 * n, 90000 + n) for n in range(count)]


@pytest.mark.parametrize("price", [None, "n/a", float("nan"), float("inf"), True, [1], 0, -5, "-5", "0.0"])
def test_a_price_that_is_none_is_set_aside_and_the_others_load(price):
    checked = read(HOURLY, asking(HOURLY), chart({BTC: [*many(10), (sec("2024-12-31T10:00"), price)]}))
    assert checked.rows.height == 10
    assert checked.rejected.height == 1
    assert at("2024-12-31T10:00") not in checked.rows["slot_at"].to_list()


@pytest.mark.parametrize("stamp", [None, "noon", 1.5, sec("2024-12-31T10:00") * 1000, 10**30, -1])
def test_a_stamp_that_is_none_is_set_aside_and_the_others_load(stamp):
    checked = read(HOURLY, asking(HOURLY), chart({BTC: [*many(10), (stamp, 1)]}))
    assert (checked.rows.height, checked.rejected.height) == (10, 1)
    assert "no time in seconds" in checked.rejected["reason"][0]


def test_a_point_that_is_no_object_is_set_aside():
    body = chart({BTC: many(10)}).replace(b'"prices": [', b'"prices": [7, ')
    checked = read(HOURLY, asking(HOURLY), body)
    assert (checked.rows.height, checked.rejected.height) == (10, 1)


@pytest.mark.parametrize("confidence", [0.89, "0.5", float("nan"), "low"])
def test_a_doubted_coin_is_one_fault_and_takes_no_other_with_it(confidence):
    doubted = chart({ETH: many(25)}, confidence)
    body = chart({BTC: many(25)}).replace(b'"coins": {', b'"coins": {' + doubted[len('{"coins": {') : -2] + b", ")
    checked = read(HOURLY, asking(HOURLY), body)
    assert checked.rows["asset_id"].unique().to_list() == ["btc"]
    assert checked.rows.height == 25
    assert checked.rejected.height == 1
    assert ETH in checked.rejected["reason"][0]


def test_a_coin_without_a_confidence_is_believed():
    assert read(HOURLY, asking(HOURLY), chart({BTC: many(3)}, None)).rows["confidence_ratio"].to_list() == [None] * 3


def test_a_future_point_is_set_aside_by_name():
    body = chart({BTC: [(sec("2024-12-31T08:00"), 1), (sec("2024-12-31T12:00"), 2)]})
    checked = read(HOURLY, asking(HOURLY), body, at("2024-12-31T09:30"))
    assert checked.rows["price_usd"].to_list() == [1]
    assert checked.rejected["rule"].to_list() == ["not_after_fetched_at"]


REFUSED = {
    "no coin": (chart({}), Outcome.EMPTY_BODY),
    "no points": (chart({BTC: [], ETH: []}), Outcome.EMPTY_BODY),
    "milliseconds": (chart({BTC: [(stamp * 1000, price) for stamp, price in many(20)]}), Outcome.TOO_MANY_FAULTS),
    "another day": (chart({BTC: many(20, "2024-11-01T00:00")}), Outcome.LAYOUT_CHANGED),
    "prices of a year later": (chart({BTC: many(20, "2025-12-31T00:00")}), Outcome.LAYOUT_CHANGED),
    "one instant, two prices": (chart({BTC: [*many(5), (many(5)[2][0], 1)]}), Outcome.CONFLICTING_ROWS),
    "nothing but zeros": (chart({BTC: [(stamp, 0) for stamp, _ in many(20)]}), Outcome.TOO_MANY_FAULTS),
    "every coin doubted": (chart({BTC: many(5), ETH: many(5)}, 0.1), Outcome.TOO_MANY_FAULTS),
    "a coin without a list": (b'{"coins": {"coingecko:bitcoin": {"symbol": "BTC"}}}', Outcome.LAYOUT_CHANGED),
    "cut off": (chart({BTC: many(5)})[:-20], Outcome.TRUNCATED),
    "a bot wall": (CHALLENGE, Outcome.CHALLENGE),
    "a page": (b"<html><body>Bad gateway</body></html>", Outcome.WRONG_TYPE),
    "nothing": (b"", Outcome.EMPTY_BODY),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_body_that_is_no_answer_is_refused_by_name(name):
    body, outcome = REFUSED[name]
    assert refusal(HOURLY, asking(HOURLY), body) is outcome


@pytest.mark.parametrize("name", ERROR_BODIES)
def test_an_error_with_status_200_is_refused(name):
    assert refusal(DAILY, asking(DAILY), ERROR_BODIES[name]) is Outcome.LAYOUT_CHANGED


def test_one_price_given_twice_counts_once():
    assert len(prices(HOURLY, [*many(5), many(5)[2]])) == 5


def test_pulling_the_same_prices_again_adds_no_row_and_no_body(tmp_path):
    room = Room(tmp_path, HOURLY)
    body, url = chart({BTC: many(25), ETH: many(25)}), asking(HOURLY).full_url
    for hours in range(3):
        room.put(body, FETCHED + timedelta(hours=hours), url)
        room.load()
    assert room.rows("select count(*), max(run_number) from feeds.defillama__prices_hourly") == [(50, 1)]
    assert len(list((tmp_path / "archive").rglob("*.zst"))) == 1


def test_two_stretches_share_the_slot_between_them_without_a_second_run(tmp_path):
    room = Room(tmp_path, HOURLY)
    for day, first in ((date(2024, 12, 30), "2024-12-30T00:00"), (DAY, "2024-12-31T00:00")):
        points = [(sec(first) + 3600 * n, (sec(first) + 3600 * n) // 100_000 + n % 24) for n in range(25)]
        room.put(chart({BTC: points}), FETCHED, asking(HOURLY, day, day).full_url)
    room.load()
    assert room.rows("select count(*) from feeds.defillama__prices_hourly where run_number = 1") == [(49,)]


def test_a_record_just_before_the_first_slot_stands_for_it():
    assert prices(HOURLY, [(sec("2024-12-30T23:55"), 5)]) == {at("2024-12-31T00:00"): 5}


@pytest.mark.parametrize(
    ("slot_at", "priced_at", "slot_sec", "rule"),
    [
        ("2024-12-31T00:30", "2024-12-31T00:30", 3600, "on_a_slot"),
        ("2024-12-31T01:00", "2024-12-31T01:00", 86400, "on_a_slot"),
        ("2024-12-31T01:00", "2024-12-31T01:31", 3600, "near_its_slot"),
        ("2024-12-31T00:00", "2024-12-30T17:59", 86400, "near_its_slot"),
        ("2024-12-31T00:00", "2024-12-31T00:00", 60, "slot_sec|check"),
    ],
)
def test_the_contract_refuses_prices_that_stand_for_no_slot(slot_at, priced_at, slot_sec, rule):
    row = {
        "asset_id": "btc",
        "slot_at": at(slot_at),
        "slot_sec": slot_sec,
        "priced_at": at(priced_at),
        "price_usd": Decimal(1),
        "confidence_ratio": None,
        "source_id": "defillama",
        "fetch_id": "f",
        "locator": "/",
        "fetched_at": FETCHED,
    }
    schema = {name: column.dtype for name, column in AssetPrice.columns().items()}
    assert rule in AssetPrice.filter(pl.DataFrame([row], schema=schema)).failure.counts()
