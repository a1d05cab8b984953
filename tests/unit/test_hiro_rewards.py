"""Rewards of stackers: what is asked while the list moves, what a page tells whole, and what becomes of orphans."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import pytest
from activity_pages import talk
from hiro_pages import FETCHED, REWARDS, F, L, RewardList, asking, block_rewards, json_bytes, page, reward
from hypothesis import given, settings
from hypothesis import strategies as st
from market_pages import answered, read, refusal
from pages import SEEDS, Room, put_failure

from pipelines.feeds.hiro_rewards import HiroBurnchainRewards
from pipelines.feeds.pox import MAINNET
from pipelines.tables.base import Checked
from pipelines.wanted import past_of, wanted_days
from pipelines.wire import Answer, Failure, Outcome, Request, Window

FIRST = 823_551
YEAR_END = Window(date(2023, 12, 31), date(2024, 1, 4))
TOP = FIRST + 1_000
WHOLE_LIST = block_rewards(range(FIRST - 1_000, TOP + 1))


def feed() -> HiroBurnchainRewards:
    return HiroBurnchainRewards(SEEDS)


def heights(checked: Checked) -> list[int]:
    return checked.rows["burn_block_height"].unique().sort(descending=True).to_list()


def covered(rows: list[Any], offset: int = 0, **more: Any) -> list[tuple[int, int]]:
    """The ranges of heights that a page covers."""
    request, body = asking(offset), page(rows, offset, **more)
    answer = answered(request, body, FETCHED)
    return (
        feed()
        .covers(request, answer, read(feed(), request, body, FETCHED).rows)
        .select("from_block", "to_block")
        .rows()
    )


# --- the calendar -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cycle", "first", "last", "boundary"),
    [
        (75, 823_551, 825_550, 825_650),
        (84, 842_451, 844_450, 844_550),
        (100, 876_051, 878_050, 878_150),
        (140, 960_051, 962_050, 962_150),
    ],
)
def test_the_bounds_of_a_cycle(cycle, first, last, boundary):
    assert MAINNET.first_reward_block(cycle) == first
    assert MAINNET.last_reward_block(cycle) == last
    assert MAINNET.next_boundary(cycle) == boundary
    assert {MAINNET.cycle_of(height) for height in (first, last, boundary - 1)} == {cycle}
    assert MAINNET.cycle_of(boundary) == cycle + 1


# --- what a page tells --------------------------------------------------------------------------------------


def test_a_row_is_one_reward_of_a_bitcoin_block():
    checked = read(feed(), asking(), page(block_rewards(range(850_001, 850_004))), FETCHED)
    row = checked.rows.row(0, named=True)
    assert row["burn_block_hash"] == f"{850_003:064x}"
    assert (row["burn_block_height"], row["reward_index"], row["reward_recipient"]) == (850_003, 1, "1Second")
    assert (row["reward_sats"], row["burn_sats"]) == (Decimal(8_500_031), Decimal(0))
    assert (row["chain_id"], row["is_canonical"], row["locator"]) == ("stacks", True, "/results/0")


def test_what_was_burned_stays_on_each_row_of_its_block():
    rows = [reward(850_002, 1, burn_amount="777"), reward(850_002, 0, burn_amount="777"), reward(850_001)]
    assert read(feed(), asking(), page(rows), FETCHED).rows["burn_sats"].to_list() == [777, 777]


def test_the_head_of_the_list_is_whole_and_the_last_height_of_a_page_may_be_cut():
    rows = block_rewards(range(850_001, 850_006))
    assert heights(read(feed(), asking(), page(rows), FETCHED)) == [850_005, 850_004, 850_003, 850_002]
    assert covered(rows) == [(850_002, 850_005)]


def test_both_ends_of_a_later_page_may_be_cut():
    rows = block_rewards(range(850_001, 850_006))
    assert heights(read(feed(), asking(230), page(rows, 230), FETCHED)) == [850_004, 850_003, 850_002]
    assert covered(rows, 230) == [(850_002, 850_004)]


def test_blocks_that_pay_nobody_are_covered_between_those_that_pay():
    boundary = MAINNET.next_boundary(89)
    rows = block_rewards(range(boundary - 103, boundary + 4))
    assert covered(rows) == [(boundary - 102, boundary + 3)]
    assert boundary - 50 not in heights(read(feed(), asking(), page(rows), FETCHED))


def test_a_page_of_one_height_tells_nothing_whole():
    assert covered([reward(850_001, 1), reward(850_001, 0)]) == []
    assert read(feed(), asking(), page([reward(850_001)]), FETCHED).rows.is_empty()


def test_a_page_past_the_end_of_the_list_covers_nothing():
    assert covered([], 500) == []


def test_numbers_may_be_texts_and_amounts_numbers():
    rows = [reward(850_002, 0, reward_amount=12, burn_block_height="850002", reward_index="0"), reward(850_001)]
    [row] = read(feed(), asking(), page(rows), FETCHED).rows.iter_rows(named=True)
    assert (row["burn_block_height"], row["reward_sats"]) == (850_002, 12)


def test_an_orphan_that_is_sent_is_kept_as_one():
    rows = [reward(850_002), reward(850_002, fork=1, canonical=False), reward(850_001)]
    checked = read(feed(), asking(), page(rows), FETCHED)
    assert sorted(checked.rows["is_canonical"]) == [False, True]


FAULTS = {
    "a negative reward": {"reward_amount": "-5"},
    "a negative burn": {"burn_amount": "-1"},
    "half a satoshi": {"reward_amount": "1.5"},
    "an exponent": {"reward_amount": "1e4"},
    "no amount": {"reward_amount": None},
    "words": {"reward_amount": "much"},
    "a negative place": {"reward_index": -1},
    "nobody": {"reward_recipient": None},
    "no hash": {"burn_block_hash": "0x12"},
    "no flag": {"canonical": "yes"},
}


@pytest.mark.parametrize("changes", FAULTS.values(), ids=FAULTS.keys())
def test_a_block_with_a_reward_that_cannot_be_read_has_none_and_is_not_covered(changes):
    rows = block_rewards(range(850_001, 850_009))
    rows[4] |= changes
    checked = read(feed(), asking(), page(rows), FETCHED)
    assert heights(checked) == [850_008, 850_007, 850_005, 850_004, 850_003, 850_002]
    assert checked.rejected["locator"].to_list() == ["/results/4", "/results/5"]
    assert covered(rows) == [(850_002, 850_005), (850_007, 850_008)]


REFUSED = {
    "an error": (json_bytes({"error": "Bad Request", "message": "limit"}), Outcome.LAYOUT_CHANGED),
    "no page": (json_bytes([]), Outcome.LAYOUT_CHANGED),
    "results of text": (page(["x"]), Outcome.LAYOUT_CHANGED),
    "an empty head": (page([]), Outcome.EMPTY_BODY),
    "a height that is none": (
        page([reward(850_002, burn_block_height="top"), reward(850_001)]), Outcome.LAYOUT_CHANGED),
    "the oldest first": (page([reward(850_001), reward(850_002)]), Outcome.LAYOUT_CHANGED),
    "another page": (page(block_rewards([850_001, 850_002]), offset=250), Outcome.WRONG_ANSWER),
    "two blocks of one height": (page([reward(850_002), reward(850_002, fork=1), reward(850_001)]),
                                 Outcome.CONFLICTING_ROWS),
    "one reward twice, and not the same": (
        page([reward(850_002), reward(850_002, reward_amount="1"), reward(850_001)]), Outcome.CONFLICTING_ROWS),
    "negative amounts throughout": (
        page([row | {"reward_amount": "-1"} for row in block_rewards(range(850_001, 850_020))]),
        Outcome.TOO_MANY_FAULTS),
    "half a body": (page(block_rewards([850_001, 850_002]))[:-9], Outcome.TRUNCATED),
}  # fmt: skip


@pytest.mark.parametrize(("body", "outcome"), REFUSED.values(), ids=REFUSED.keys())
def test_a_body_that_is_no_page_of_rewards_is_refused_by_name(body, outcome):
    assert refusal(feed(), asking(), body, FETCHED) == outcome


def test_the_same_reward_twice_counts_once():
    rows = [reward(850_002), reward(850_002), reward(850_001)]
    assert read(feed(), asking(), page(rows), FETCHED).rows.height == 1


# --- what is asked ------------------------------------------------------------------------------------------


def test_it_owns_the_list_and_not_that_of_one_address():
    assert feed().owns(urlsplit(REWARDS))
    assert not feed().owns(urlsplit(f"{REWARDS}/bc1q"))
    assert not feed().owns(urlsplit(REWARDS.replace("hiro.so", "test")))


def pulled(room: Room, upstream: RewardList, window: Window = YEAR_END) -> list[int]:
    """One pull of which every answer is filed; the offsets that were asked for."""
    before = len(upstream.asked)

    def reply(request):
        told = upstream(request)
        if hasattr(told, "body"):
            at = upstream.at + timedelta(seconds=len(upstream.asked))
            room.put(told.body, at, request.full_url)
        return told

    talk(room.feed, window, reply, past_of(room.feed, room.archive))
    return upstream.asked[before:]


def stored(room: Room) -> list[int]:
    room.load()
    query = f"select distinct burn_block_height from feeds.{room.feed.table_name} where burn_block_height >= {FIRST}"
    return sorted(height for (height,) in room.rows(query))


def paying(first: int, last: int) -> list[int]:
    return sorted({row["burn_block_height"] for row in block_rewards(range(first, last + 1))})


def test_a_first_pull_comes_down_to_cycle_75_with_pages_that_overlap(tmp_path):
    room, upstream = Room(tmp_path, feed()), RewardList(WHOLE_LIST)
    offsets = pulled(room, upstream)
    assert offsets[0] == 0
    assert all(0 < later - earlier < 250 for earlier, later in pairwise(offsets))
    assert len(offsets) <= 2 * 1_001 // 225 + 1
    assert stored(room) == paying(FIRST, TOP)


def test_blocks_that_arrive_while_pages_are_read_leave_no_gap(tmp_path):
    room, upstream = Room(tmp_path, feed()), RewardList(WHOLE_LIST)
    upstream.events = {3: block_rewards(range(FIRST - 1_000, TOP + 200))}
    pulled(room, upstream)
    assert stored(room) == paying(FIRST, TOP)


def test_a_reorganisation_that_takes_rows_out_while_pages_are_read_leaves_no_gap(tmp_path):
    room, upstream = Room(tmp_path, feed()), RewardList(WHOLE_LIST)
    upstream.events = {3: block_rewards(range(FIRST - 1_000, TOP - 150))}
    offsets = pulled(room, upstream)
    assert any(later < earlier for earlier, later in pairwise(offsets))
    assert set(paying(FIRST, TOP - 151)) <= set(stored(room))


def test_a_later_pull_asks_for_what_is_new_and_twenty_blocks_below(tmp_path):
    room, upstream = Room(tmp_path, feed()), RewardList(WHOLE_LIST)
    pulled(room, upstream)
    upstream.rows, upstream.at = block_rewards(range(FIRST - 1_000, TOP + 41)), FETCHED + timedelta(days=1)
    assert pulled(room, upstream) == [0]
    assert stored(room) == paying(FIRST, TOP + 40)


def test_an_orphaned_reward_goes_and_that_of_the_other_block_comes(tmp_path):
    room, upstream = Room(tmp_path, feed()), RewardList(WHOLE_LIST)
    pulled(room, upstream)
    new = block_rewards(range(TOP - 3, TOP + 2), fork=9)
    upstream.rows = [*new, *block_rewards(range(FIRST - 1_000, TOP - 3))]
    upstream.at = FETCHED + timedelta(days=1)
    pulled(room, upstream)
    room.load()
    newest = f"from feeds.{room.feed.table_name} where burn_block_height > {TOP - 5}"
    told = [value for (value,) in room.rows(f"select distinct burn_block_hash {newest} order by 1")]
    assert told == sorted([f"{TOP - 4:064x}", *(f"{9:032x}{height:032x}" for height in range(TOP - 3, TOP + 2))])


def test_rewards_without_a_successor_vanish_too(tmp_path):
    room, upstream = Room(tmp_path, feed()), RewardList(WHOLE_LIST)
    pulled(room, upstream)
    upstream.rows = [row for row in WHOLE_LIST if row["burn_block_height"] != TOP - 7]
    upstream.at = FETCHED + timedelta(days=1)
    pulled(room, upstream)
    assert stored(room) == [height for height in paying(FIRST, TOP) if height != TOP - 7]


def test_a_pull_that_stopped_goes_on_where_it_was_and_its_days_stay_wanted(tmp_path):
    room, upstream = Room(tmp_path, feed()), RewardList(WHOLE_LIST)
    upstream.events = {4: 500}
    first = pulled(room, upstream)
    now = FETCHED + timedelta(hours=1)
    assert len(first) == 4
    assert wanted_days(room.feed, room.archive, YEAR_END, now) == YEAR_END.days()
    upstream.at = now
    second = pulled(room, upstream)
    assert second[0] == 0
    assert second[1] > first[2]
    assert wanted_days(room.feed, room.archive, YEAR_END, now + timedelta(hours=1)) == []
    assert stored(room) == paying(FIRST, TOP)


def test_what_was_pulled_says_the_same_whatever_order_it_is_loaded_in(tmp_path):
    upstream = RewardList(block_rewards(range(FIRST - 200, FIRST + 250)))
    upstream.events = {3: block_rewards(range(FIRST - 200, FIRST + 280))}
    at_once, in_steps = Room(tmp_path / "a", feed()), Room(tmp_path / "b", feed())
    pulled(at_once, upstream)
    rows = list(at_once.archive.ledger(at_once.feed.feed_id).iter_rows(named=True))
    for row in reversed(rows):
        answer = at_once.archive.answer(row)
        in_steps.put(answer.body, answer.fetched_at, answer.request.full_url)
        in_steps.load()
    at_once.load()
    table = f"feeds.{at_once.feed.table_name}"
    assert at_once.stands()[table] == in_steps.stands()[table]


def test_a_list_that_ends_before_the_floor_is_asked_for_no_longer(tmp_path):
    room, upstream = Room(tmp_path, feed()), RewardList(block_rewards(range(TOP - 300, TOP + 1)))
    assert len(pulled(room, upstream)) <= 5


@pytest.mark.parametrize("status", [429, 500])
def test_nothing_more_is_asked_where_the_head_is_not_answered(tmp_path, status):
    upstream = RewardList(WHOLE_LIST)
    upstream.events = {1: status}
    assert pulled(Room(tmp_path, feed()), upstream) == [0]


def test_a_later_window_is_not_paged_down_to_2023(tmp_path):
    top = 977_000
    room, upstream = Room(tmp_path, feed()), RewardList(block_rewards(range(top - 9_000, top + 1)))
    window = Window(date(2026, 11, 1), date(2026, 11, 21))
    upstream.at = datetime.fromisoformat("2026-11-22T09:30")
    pulled(room, upstream, window)
    lowest = min(row["burn_block_height"] for row in upstream.rows[upstream.asked[-1] :][:250])
    days_2024_to_2026 = (date(2026, 11, 1) - date(2024, 4, 20)).days
    begins_about = 840_000 + days_2024_to_2026 * 144
    assert begins_about - 2 * L - 250 < lowest <= begins_about - L
    assert (lowest - F) // L >= MAINNET.cycle_of(begins_about) - 2


def told(room: Room) -> list[str]:
    return [incident.outcome for incident in room.load(every_attempt=True).incidents]


def test_a_failed_page_is_told_until_a_later_page_comes(tmp_path):
    room = Room(tmp_path, feed())
    room.put(page(WHOLE_LIST[:250]), FETCHED, asking(0).full_url)
    put_failure(room.archive, room.feed, asking(230).full_url, FETCHED + timedelta(minutes=1), Outcome.TIMEOUT)
    assert told(room) == ["timeout"]
    room.put(page(WHOLE_LIST[:250]), FETCHED + timedelta(hours=1), asking(0).full_url)
    assert told(room) == []


def test_a_page_that_cannot_be_read_is_told_in_any_case(tmp_path):
    room = Room(tmp_path, feed())
    room.put(page([reward(850_001), reward(850_002)]), FETCHED, asking(0).full_url)
    room.put(page(WHOLE_LIST[:250]), FETCHED + timedelta(hours=1), asking(0).full_url)
    assert told(room) == ["layout_changed"]


@given(
    counts=st.lists(st.integers(0, 4), max_size=200),
    arrivals=st.dictionaries(st.integers(2, 5), st.integers(1, 80), max_size=3),
)
@settings(max_examples=15, deadline=None)
def test_whatever_arrives_while_pages_are_read_every_height_comes_whole(counts, arrivals):
    def listed(more: int) -> list[dict[str, Any]]:
        above = dict(enumerate([*counts, *([2] * more)], start=FIRST))
        below = dict.fromkeys(range(FIRST - 200, FIRST), 2)
        told = sorted((below | above).items(), reverse=True)
        return [reward(height, index) for height, count in told for index in reversed(range(count))]

    upstream, total, told = RewardList(listed(0)), 0, []
    for question, more in sorted(arrivals.items()):
        total += more
        upstream.events[question] = listed(total)

    def reply(request: Request) -> Answer | Failure:
        told.append((request, upstream(request)))
        return told[-1][1]

    reader = feed()
    talk(reader, YEAR_END, reply)
    found: dict[int, int] = {}
    for request, answer in told:
        rows = read(reader, request, answer.body, FETCHED).rows
        for first, last in reader.covers(request, answer, rows).select("from_block", "to_block").rows():
            inside = rows.filter(rows["burn_block_height"].is_between(first, last))
            found |= dict.fromkeys(range(first, last + 1), 0)
            found |= dict(inside["burn_block_height"].value_counts().rows())
    paid = {height: count for height, count in enumerate(counts, start=FIRST) if count}
    top = max(paid, default=FIRST - 1)
    assert {height: found.get(height) for height in range(FIRST, top + 1)} == {
        height: paid.get(height, 0) for height in range(FIRST, top + 1)
    }
