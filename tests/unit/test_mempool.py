"""mempool.space: the height at the end of a day and at a strike, and what addresses have received and spent."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from market_pages import ERROR_BODIES, HASH, address, answered, block, converse, failed, read, refusal, sec
from pages import CHALLENGE, SEEDS, Room

from pipelines.feeds.mempool import MempoolAddressBalances, MempoolBlockHeights
from pipelines.wanted import closes_at, wanted_days
from pipelines.wire import Answer, Failure, Outcome, Request, Window

HEIGHTS, BALANCES = MempoolBlockHeights(SEEDS), MempoolAddressBalances(SEEDS)
BASE = "https://mempool.space/api/v1/mining/blocks/timestamp/"
TUESDAY, NEW_YEAR = date(2024, 12, 31), date(2025, 1, 1)
YEAR = Window(date(2023, 12, 31), TUESDAY)
END = "2025-01-01T00:00"
HEIGHT = 877_258
VAULT = next(iter(SEEDS.vault_addresses))
NOON = datetime.fromisoformat("2025-01-02T12:00")


def asking(instant: str = END) -> Request:
    return Request.get(f"{BASE}{sec(instant)}")


def one(body: bytes, instant: str = END) -> dict[str, Any]:
    [row] = read(HEIGHTS, asking(instant), body).rows.iter_rows(named=True)
    return row


# --- heights: what is asked ---------------------------------------------------------------------------------


def found(request: Request) -> Answer | Failure:
    return answered(request, block(HEIGHT, "2024-12-31T23:50:00.000Z"))


def test_a_session_is_asked_for_at_its_end_and_at_its_strike_and_another_day_at_its_end():
    ends, strikes = converse(HEIGHTS, Window(TUESDAY, NEW_YEAR), found)
    assert [request.url for request in ends] == [BASE + str(sec(at)) for at in (END, "2025-01-02T00:00")]
    assert [request.url for request in strikes] == [BASE + str(sec("2024-12-31T21:00"))]


def test_the_strike_of_a_summer_day_is_an_hour_earlier():
    _, [strike] = converse(HEIGHTS, Window(date(2024, 7, 1), date(2024, 7, 1)), found)
    assert strike == asking("2024-07-01T20:00")


def test_a_year_takes_one_request_for_each_day_and_one_for_each_session():
    asked = converse(HEIGHTS, YEAR, found)
    requests = [request for part in asked for request in part]
    assert len(requests) == len(set(requests)) == 367 + len(SEEDS.sessions(YEAR.first, YEAR.last))
    assert HEIGHTS.request_count(YEAR) == len(requests)
    assert sorted({day for request in requests for day in HEIGHTS.days_of(request)}) == YEAR.days()


def test_a_host_that_answers_nothing_is_not_asked_for_the_rest_of_the_year():
    assert sum(len(part) for part in converse(HEIGHTS, YEAR, failed)) <= 31


def test_a_strike_is_not_asked_for_where_the_end_of_its_day_failed():
    ends, strikes = converse(
        HEIGHTS,
        Window(date(2024, 12, 30), TUESDAY),
        lambda request: failed(request) if request == asking(END) else found(request),
    )
    assert (len(ends), strikes) == (2, [asking("2024-12-30T21:00")])


def test_a_session_is_wanted_until_its_strike_is_answered_too(tmp_path):
    room, window = Room(tmp_path, HEIGHTS), Window(TUESDAY, TUESDAY)
    body, at = block(HEIGHT, "2024-12-31T20:50:00.000Z"), closes_at(HEIGHTS, TUESDAY)
    room.put(body, at, asking(END).url)
    assert wanted_days(HEIGHTS, room.archive, window, at) == [TUESDAY]
    room.put(body, at, asking("2024-12-31T21:00").url)
    assert wanted_days(HEIGHTS, room.archive, window, at) == []


def test_a_day_without_a_session_is_answered_by_its_end(tmp_path):
    room, at = Room(tmp_path, HEIGHTS), closes_at(HEIGHTS, NEW_YEAR)
    room.put(block(HEIGHT + 140, "2025-01-01T23:50:00.000Z"), at, asking("2025-01-02T00:00").url)
    assert wanted_days(HEIGHTS, room.archive, Window(NEW_YEAR, NEW_YEAR), at) == []


def test_it_owns_the_block_of_an_instant_and_nothing_else():
    assert HEIGHTS.owns(asking().target)
    for path in ("api/v1/mining/blocks/timestamp/x", "api/v1/mining/blocks/fees/1w", f"api/address/{VAULT}"):
        assert not HEIGHTS.owns(urlsplit(f"https://mempool.space/{path}"))
    assert not HEIGHTS.owns(urlsplit(asking().url.replace("mempool.space", "mempool.test")))


# --- heights: what an answer means --------------------------------------------------------------------------


def test_a_row_is_the_instant_that_was_asked_for_and_the_newest_block_of_it():
    row = one(block(HEIGHT, "2024-12-31T23:52:10.000Z", HASH.upper()))
    assert (row["asset_id"], row["asked_at"]) == ("btc", datetime.fromisoformat(END))
    assert (row["height"], row["block_hash"]) == (HEIGHT, HASH)
    assert row["header_at"] == datetime.fromisoformat("2024-12-31T23:52:10")


@pytest.mark.parametrize(
    "header",
    [sec("2024-12-31T23:52:10"), str(sec("2024-12-31T23:52:10")), "2024-12-31T23:52:10Z", "2024-12-31T23:52:10.000Z"],
)
def test_the_time_of_a_header_is_read_as_a_number_or_as_iso(header):
    assert one(block(str(HEIGHT), header))["header_at"] == datetime.fromisoformat("2024-12-31T23:52:10")


def test_a_header_at_the_instant_itself_counts():
    assert one(block(HEIGHT, sec(END)))["header_at"] == datetime.fromisoformat(END)


@pytest.mark.parametrize(
    ("instant", "height"), [("2023-12-31T00:00", 823_600), ("2024-04-20T00:10", 840_000), ("2026-08-01T00:00", 960_000)]
)
def test_heights_of_about_144_blocks_a_day_are_possible(instant, height):
    at = datetime.fromisoformat(instant) + timedelta(hours=9)
    assert read(HEIGHTS, asking(instant), block(height, sec(instant) - 1), at).rows["height"].to_list() == [height]


BEFORE = sec(END) - 600
FAULTS = {
    "a header after the instant": block(HEIGHT, sec(END) + 1),
    "a header of the day before": block(HEIGHT - 100, sec("2024-12-31T11:00")),
    "milliseconds": block(HEIGHT, BEFORE * 1000),
    "no time": block(HEIGHT, None),
    "a time in words": block(HEIGHT, "last night"),
    "a height ten years on": block(HEIGHT * 2, BEFORE),
    "the height of 2023": block(820_000, BEFORE),
    "no height": block(None, BEFORE),
    "half a block": block(877_258.5, BEFORE),
    "a height that is no number": block(float("nan"), BEFORE),
    "below the first block": block(-1, BEFORE),
    "no hash": block(HEIGHT, BEFORE, "abc"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_block_that_cannot_be_of_that_instant_is_refused(name):
    assert refusal(HEIGHTS, asking(), FAULTS[name]) is Outcome.TOO_MANY_FAULTS


BODIES = {
    "cut off": (block(HEIGHT, BEFORE)[:-5], Outcome.TRUNCATED),
    "a bot wall": (CHALLENGE, Outcome.CHALLENGE),
    "a page": (b"<html><body>504</body></html>", Outcome.WRONG_TYPE),
    "text": (b"Block not found", Outcome.WRONG_TYPE),
    "nothing": (b" ", Outcome.EMPTY_BODY),
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("feed", [HEIGHTS, BALANCES])
def test_a_body_that_is_no_answer_is_refused_by_name(feed, name):
    request = asking() if feed is HEIGHTS else of(VAULT)
    body, outcome = BODIES[name]
    assert refusal(feed, request, body) is outcome


@pytest.mark.parametrize("name", ERROR_BODIES)
@pytest.mark.parametrize("feed", [HEIGHTS, BALANCES])
def test_an_error_with_status_200_is_refused(feed, name):
    request = asking() if feed is HEIGHTS else of(VAULT)
    assert refusal(feed, request, ERROR_BODIES[name]) is Outcome.LAYOUT_CHANGED


def test_an_instant_to_come_is_set_aside_by_name():
    checked = read(HEIGHTS, asking("2025-02-01T00:00"), block(HEIGHT, sec("2025-02-01T00:00")), NOON)
    assert checked.rows.height == 0
    assert checked.rejected["rule"].to_list() == ["not_after_fetched_at"]


def test_a_later_answer_replaces_its_instant_alone(tmp_path):
    room = Room(tmp_path, HEIGHTS)
    room.put(block(HEIGHT - 18, sec("2024-12-31T20:55")), NOON, asking("2024-12-31T21:00").url)
    room.put(block(HEIGHT, sec("2024-12-31T23:50")), NOON + timedelta(hours=1), asking().url)
    room.put(block(HEIGHT - 1, sec("2024-12-31T23:49"), HASH[:-1] + "f"), NOON + timedelta(hours=2), asking().url)
    room.load()
    assert room.rows("select asked_at, height from feeds.mempool__block_heights order by 1") == [
        (datetime.fromisoformat("2024-12-31T21:00"), HEIGHT - 18),
        (datetime.fromisoformat(END), HEIGHT - 1),
    ]


def test_a_refused_answer_leaves_the_height_that_stood(tmp_path):
    room = Room(tmp_path, HEIGHTS)
    room.put(block(HEIGHT, sec("2024-12-31T23:50")), NOON, asking().url)
    room.put(block(1, sec("2024-12-31T23:49")), NOON + timedelta(hours=1), asking().url)
    loaded = room.load(every_attempt=True)
    assert room.rows("select height from feeds.mempool__block_heights") == [(HEIGHT,)]
    assert [incident.outcome for incident in loaded.incidents] == ["too_many_faults"]


# --- balances -----------------------------------------------------------------------------------------------


def of(name: str) -> Request:
    return Request.get(f"https://mempool.space/api/address/{name}")


def test_every_vault_address_is_asked_for_once():
    [requests] = converse(BALANCES, YEAR, lambda request: answered(request, b"{}"))
    assert [request.url.rsplit("/", 1)[1] for request in requests] == list(SEEDS.vault_addresses)
    assert all(BALANCES.owns(request.target) for request in requests)
    assert not BALANCES.owns(urlsplit(f"https://mempool.space/api/address/{VAULT}/txs"))
    assert (BALANCES.manners.settle_lag_hours, BALANCES.manners.revision_window_days) == (0, 0)


def test_a_balance_counts_confirmed_sums_on_the_day_of_the_answer():
    body = address(VAULT, 15_007_599_040, 7_599_040, unconfirmed=999)
    [row] = read(BALANCES, of(VAULT), body, NOON).rows.iter_rows(named=True)
    assert (row["address"], row["snapshot_on"]) == (VAULT, date(2025, 1, 2))
    assert (row["funded_sats"], row["spent_sats"]) == (Decimal(15_007_599_040), Decimal(7_599_040))


def test_an_address_that_was_emptied_and_one_never_used_have_a_balance_of_zero():
    for sats in (0, 5_000):
        [row] = read(BALANCES, of(VAULT), address(VAULT, sats, sats), NOON).rows.iter_rows(named=True)
        assert row["funded_sats"] == row["spent_sats"] == sats


def test_sums_beyond_floating_point_are_exact():
    [row] = read(BALANCES, of(VAULT), address(VAULT, str(2**60 + 1), 2**53 + 1), NOON).rows.iter_rows(named=True)
    assert (row["funded_sats"], row["spent_sats"]) == (2**60 + 1, 2**53 + 1)


@pytest.mark.parametrize(
    ("funded", "spent"), [(5, 6), (-1, -1), (None, 0), (5, None), (1.5, 0), (float("nan"), 0), ("x", 0)]
)
def test_sums_that_make_no_balance_are_refused(funded, spent):
    assert refusal(BALANCES, of(VAULT), address(VAULT, funded, spent), NOON) is Outcome.TOO_MANY_FAULTS


def test_the_answer_of_another_address_is_refused():
    other = list(SEEDS.vault_addresses)[1]
    assert refusal(BALANCES, of(VAULT), address(other, 5, 1), NOON) is Outcome.LAYOUT_CHANGED


def test_an_address_that_the_seeds_do_not_name_is_set_aside():
    checked = read(BALANCES, of("1Unknown"), address("1Unknown", 5, 1), NOON)
    assert checked.rows.height == 0
    assert checked.unknown.rows() == [("address", "1Unknown", 1)]


def test_a_balance_of_another_day_is_another_row(tmp_path):
    room = Room(tmp_path, BALANCES)
    for days in range(3):
        for hours in range(2):
            room.put(address(VAULT, 9, 4), NOON + timedelta(days=days, hours=hours), of(VAULT).url)
    room.load()
    stored = room.rows(
        "select snapshot_on, funded_sats - spent_sats, run_number from feeds.mempool__address_balances order by 1"
    )
    assert stored == [(date(2025, 1, 2) + timedelta(days=n), 5, 1) for n in range(3)]
