"""States of Stacks at the end of a day: the block, liquid stacking reserves, the supply of STX, and false states."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import polars as pl
import pytest
from activity_pages import talk
from hiro_pages import (
    BASE,
    BLOCKS,
    FETCHED,
    SIXTY_MILLION_STX,
    SUPPLY,
    Node,
    block,
    json_bytes,
    ok,
    pox_tuple,
    result,
    seconds,
    supply,
    tip,
    uint,
)
from market_pages import answered, read, refusal
from pages import SEEDS, Room, put, row_of

from pipelines.feeds.hiro_stx import HiroLstReserves, HiroStacksBlocks, HiroStxSupply
from pipelines.ingest import load
from pipelines.wanted import past_of, wanted_days
from pipelines.warehouse.writer import Warehouse
from pipelines.wire import Answer, BodyRefused, Failure, Outcome, Request, Window

BLOCK_FEED, RESERVES, STX = HiroStacksBlocks(SEEDS), HiroLstReserves(SEEDS), HiroStxSupply(SEEDS)
CONTRACT = f"{BASE}/v2/contracts/call-read/SP4SZE494VC2YC5JYG7AYFQ44F5Q4PYV7DVMDPBG/reserve-v1"
TRIAL_URL = f"{BASE}/v2/contracts/call-read/SP000000000000000000002Q6VF78/pox-3/get-pox-info"
NEW_YEAR = Window(date(2024, 1, 1), date(2024, 1, 1))
END = "2024-01-02T00:00"
HEIGHT = 140_000


def block_request(at: str = END) -> Request:
    return Request.get(f"{BLOCKS}{seconds(at)}")


def call(function: str = "get-total-stx", at_tip: str | None = None) -> Request:
    params = () if at_tip == "" else (("tip", at_tip or tip(HEIGHT)),)
    return Request(f"{CONTRACT}/{function}", "POST", params, json_bytes({"sender": "SP1", "arguments": []}).decode())


def supply_request(height: int = HEIGHT) -> Request:
    return Request.get(SUPPLY, {"height": str(height)})


# --- what is asked ------------------------------------------------------------------------------------------


def paths(step: list[Request]) -> list[str]:
    return [request.url.rstrip("/").rpartition("/")[2] for request in step]


def test_a_day_is_its_last_block_a_trial_and_the_state_after_that_block():
    [[asked_block], [trial], states] = talk(BLOCK_FEED, NEW_YEAR, Node())
    assert asked_block == block_request()
    own_tip = tip(seconds(END) // 600)
    assert (trial.method, trial.url, trial.params) == ("POST", TRIAL_URL, (("tip", own_tip),))
    assert paths(states) == ["get-total-stx", "get-stx-for-withdrawals", "stx_supply"]
    assert {dict(request.params).get("tip") for request in states[:2]} == {own_tip}
    assert states[2] == supply_request(int(own_tip, 16))


def test_a_year_is_tried_once_and_asked_for_some_days_at_a_time():
    steps = talk(BLOCK_FEED, Window(date(2024, 1, 1), date(2024, 1, 25)), Node())
    assert [len(step) for step in steps] == [10, 1, 30, 10, 30, 5, 15]
    assert BLOCK_FEED.request_count(NEW_YEAR) == 4


def test_a_host_without_blocks_is_asked_for_nothing_more():
    node = Node()
    node.broken = {"by-block-time"}
    assert [len(step) for step in talk(BLOCK_FEED, Window(date(2024, 1, 1), date(2024, 1, 25)), node)] == [10]


def test_no_amounts_are_asked_for_where_the_trial_fails():
    node = Node()
    node.broken = {"get-pox-info"}
    assert [len(step) for step in talk(BLOCK_FEED, NEW_YEAR, node)] == [1, 1]


class Session(Node):
    """A node behind a session."""

    outcomes: dict[str, BodyRefused]

    def __init__(self, feed: HiroStacksBlocks, **kind: Any) -> None:
        super().__init__(**kind)
        self.feed, self.outcomes = feed, {}

    def __call__(self, request: Request) -> Any:
        told = super().__call__(request)
        refused = self.feed.refusal(request, told.body) if isinstance(told, Answer) else None
        if not refused:
            return told
        self.outcomes[request.url.rpartition("/")[2]] = refused
        return Failure(request, "f2", FETCHED, refused.outcome, refused.reason, 200)


def test_a_node_that_answers_of_the_present_whatever_the_tip_is_found_out():
    feed = HiroStacksBlocks(SEEDS)
    node = Session(feed, ignores_tip=True)
    assert [len(step) for step in talk(feed, NEW_YEAR, node)] == [1, 1]
    assert node.outcomes["get-pox-info"].outcome == Outcome.WRONG_ANSWER
    assert "cycle 152" in node.outcomes["get-pox-info"].reason


@pytest.mark.parametrize(
    ("burn_height", "cycle", "is_right"),
    [(825_649, 75, True), (825_649, 76, True), (825_650, 75, True), (825_652, 75, False), (825_652, 77, False)],
)
def test_only_beside_a_boundary_may_the_trial_tell_the_other_cycle(burn_height, cycle, is_right):
    feed, refusals = HiroStacksBlocks(SEEDS), []

    def reply(request: Request) -> Any:
        if request.url == TRIAL_URL:
            refusals.append(feed.refusal(request, result(pox_tuple(cycle))))
        return answered(request, block(HEIGHT, "2024-01-01T23:50", burn=burn_height), FETCHED)

    talk(feed, NEW_YEAR, reply)
    assert [refused is None for refused in refusals] == [is_right]


def test_it_owns_what_it_asks_for():
    for request in (block_request(), call(), supply_request()):
        assert BLOCK_FEED.owns(request.target)
        assert sum(feed.is_read(request) for feed in (BLOCK_FEED, RESERVES, STX)) == 1
    trial = Request(TRIAL_URL, "POST", (("tip", tip(1)),))
    assert BLOCK_FEED.owns(trial.target)
    assert not any(feed.is_read(trial) for feed in (BLOCK_FEED, RESERVES, STX))
    assert not BLOCK_FEED.owns(urlsplit(f"{BASE}/extended/v2/blocks/latest"))


# --- what an answer means -----------------------------------------------------------------------------------


def test_a_block_is_the_newest_one_at_the_end_of_the_day():
    [row] = read(BLOCK_FEED, block_request(), block(HEIGHT, "2024-01-01T23:52:10")).rows.iter_rows(named=True)
    assert (row["asked_at"], row["block_at"]) == (datetime.fromisoformat(END), datetime(2024, 1, 1, 23, 52, 10))  # noqa: DTZ001
    assert (row["stacks_height"], row["index_block_hash"]) == (HEIGHT, tip(HEIGHT))
    assert (row["burn_block_height"], row["chain_id"]) == (823_600, "stacks")


def test_sixty_million_stx_in_the_reserve_after_a_block():
    [row] = read(RESERVES, call(), result(SIXTY_MILLION_STX)).rows.iter_rows(named=True)
    assert (row["protocol_id"], row["measure"], row["index_block_hash"]) == ("stacking_dao", "total", tip(HEIGHT))
    assert row["amount_ustx"] == Decimal(60_000_000_000_000)


def test_what_is_promised_to_who_leaves_is_a_row_of_its_own_and_may_be_zero():
    [row] = read(RESERVES, call("get-stx-for-withdrawals"), result(ok(uint(0)))).rows.iter_rows(named=True)
    assert (row["measure"], row["amount_ustx"]) == ("withdrawal", 0)


def test_an_amount_without_a_response_around_it_is_read_too():
    assert read(RESERVES, call(), result(f"0x{uint(5)}")).rows["amount_ustx"].to_list() == [5]


def test_a_supply_is_that_after_a_block_in_whole_coins():
    body = supply(HEIGHT, unlocked="1427331422.593812", total="1818000000.5")
    [row] = read(STX, supply_request(), body).rows.iter_rows(named=True)
    assert (row["asset_id"], row["block_height"]) == ("stx", HEIGHT)
    assert (row["circulating_supply"], row["total_supply"]) == (Decimal("1427331422.593812"), Decimal("1818000000.5"))
    assert read(STX, supply_request(), supply(str(HEIGHT), 1427.5, 1818)).rows.height == 1


BAD_CALLS = {
    "okay is false": (json_bytes({"okay": False, "cause": "NoSuchContract"}), Outcome.RPC_ERROR),
    "okay is a text": (json_bytes({"okay": "true", "result": SIXTY_MILLION_STX}), Outcome.LAYOUT_CHANGED),
    "an error response": (result("0x08" + uint(17_003)), Outcome.RPC_ERROR),
    "none": (result("0x0709"), Outcome.NULL_RESULT),
    "a negative amount": (result("0x0700" + "f" * 32), Outcome.LAYOUT_CHANGED),
    "a bool": (result("0x0703"), Outcome.LAYOUT_CHANGED),
    "a tuple": (result(pox_tuple(75)), Outcome.LAYOUT_CHANGED),
    "no hex": (result("60000000"[:-1]), Outcome.LAYOUT_CHANGED),
    "a value cut short": (result(SIXTY_MILLION_STX[:-4]), Outcome.LAYOUT_CHANGED),
    "no result": (json_bytes({"okay": True}), Outcome.LAYOUT_CHANGED),
    "a list": (json_bytes([]), Outcome.LAYOUT_CHANGED),
    "half a body": (result(SIXTY_MILLION_STX)[:-3], Outcome.TRUNCATED),
}


@pytest.mark.parametrize(("body", "outcome"), BAD_CALLS.values(), ids=BAD_CALLS.keys())
def test_a_call_that_tells_no_amount_is_refused_by_name_on_arrival_and_at_loading(body, outcome):
    refused = BLOCK_FEED.refusal(call(), body)
    assert refused is not None
    assert refused.outcome == outcome
    assert refusal(RESERVES, call(), body) == outcome


def test_the_words_of_the_node_are_told():
    refused = BLOCK_FEED.refusal(call(), json_bytes({"okay": False, "cause": "NoSuchContract"}))
    assert str(refused) == "rpc_error: reserve-v1.get-total-stx was not called: NoSuchContract"


@pytest.mark.parametrize("bad", ["", "latest", "0x" + tip(HEIGHT), tip(HEIGHT)[:-1], tip(HEIGHT).replace("0", "g")])
def test_an_answer_to_a_tip_that_names_no_block_is_of_the_present_and_is_refused(bad):
    refused = BLOCK_FEED.refusal(call(at_tip=bad), result(SIXTY_MILLION_STX))
    assert refused is not None
    assert refused.outcome == Outcome.WRONG_ANSWER
    assert refusal(RESERVES, call(at_tip=bad), result(SIXTY_MILLION_STX)) == Outcome.WRONG_ANSWER


BAD_BLOCKS = {
    "after the instant": (block(HEIGHT, "2024-01-02T00:00:01"), Outcome.WRONG_ANSWER),
    "of the present": (block(8_000_000, "2026-11-22T09:00"), Outcome.WRONG_ANSWER),
    "long before it": (block(HEIGHT, "2023-12-31T00:00"), Outcome.WRONG_ANSWER),
    "an orphan": (block(HEIGHT, "2024-01-01T23:50", canonical=False), Outcome.WRONG_ANSWER),
    "without a hash": (block(HEIGHT, "2024-01-01T23:50", index_block_hash="0x12"), Outcome.LAYOUT_CHANGED),
    "with a negative height": (block(-1, "2024-01-01T23:50"), Outcome.LAYOUT_CHANGED),
    "without a time": (block(HEIGHT, "2024-01-01T23:50", block_time=None), Outcome.LAYOUT_CHANGED),
    "no block": (json_bytes({"error": "block not found"}), Outcome.LAYOUT_CHANGED),
}


@pytest.mark.parametrize(("body", "outcome"), BAD_BLOCKS.values(), ids=BAD_BLOCKS.keys())
def test_a_block_that_cannot_be_that_of_the_instant_is_refused_by_name(body, outcome):
    refused = BLOCK_FEED.refusal(block_request(), body)
    assert refused is not None
    assert refused.outcome == outcome
    assert refusal(BLOCK_FEED, block_request(), body) == outcome


BAD_SUPPLIES = {
    "of another block": (supply(HEIGHT + 1), Outcome.WRONG_ANSWER),
    "of no block": (supply(None), Outcome.LAYOUT_CHANGED),
    "an error": (json_bytes({"error": "block height not found"}), Outcome.LAYOUT_CHANGED),
    "negative": (supply(HEIGHT, "-1"), Outcome.TOO_MANY_FAULTS),
    "more in circulation than there is": (supply(HEIGHT, "2", "1"), Outcome.TOO_MANY_FAULTS),
    "no number": (supply(HEIGHT, "most"), Outcome.TOO_MANY_FAULTS),
    "missing": (supply(HEIGHT, None), Outcome.TOO_MANY_FAULTS),
}


@pytest.mark.parametrize(("body", "outcome"), BAD_SUPPLIES.values(), ids=BAD_SUPPLIES.keys())
def test_a_supply_that_cannot_be_is_refused_by_name(body, outcome):
    assert refusal(STX, supply_request(), body) == outcome


# --- through the archive ------------------------------------------------------------------------------------


def talked(room: Room, node: Node, window: Window = NEW_YEAR, at: datetime = FETCHED) -> None:
    """A conversation of which every good answer is filed."""

    def reply(request: Request) -> Any:
        told = node(request)
        if isinstance(told, Answer):
            row = row_of(
                room.feed,
                request.full_url,
                told.body,
                at,
                method=request.method,
                request_body=request.body,
                sha256=room.archive.store(told.body),
            )
            room.archive.append(row)
        return told

    talk(room.feed, window, reply, past_of(room.feed, room.archive))


def test_a_day_is_wanted_until_everything_about_its_state_is_answered(tmp_path):
    room, node, now = Room(tmp_path, HiroStacksBlocks(SEEDS)), Node(), FETCHED + timedelta(hours=1)
    node.broken = {"get-stx-for-withdrawals"}
    talked(room, node)
    assert wanted_days(room.feed, room.archive, NEW_YEAR, now) == NEW_YEAR.days()
    node.broken = set()
    talked(room, node)
    assert wanted_days(room.feed, room.archive, NEW_YEAR, now) == []
    assert wanted_days(room.feed, room.archive, Window(date(2024, 1, 1), date(2024, 1, 2)), now) == [date(2024, 1, 2)]


def test_one_conversation_fills_three_tables_that_meet_at_the_block(tmp_path):
    room = Room(tmp_path, HiroStacksBlocks(SEEDS))
    talked(room, Node(), Window(date(2024, 1, 1), date(2024, 1, 3)))
    feeds = [HiroStacksBlocks(SEEDS), RESERVES, STX]
    room.warehouse = Warehouse(room.warehouse.file, {feed.table_name: feed.delivers for feed in feeds})
    for feed in feeds:
        load([feed], room.archive, room.warehouse, reader="reader", run_id="run", told=frozenset())
    rows = room.rows(
        "select cast(asked_at as date) - 1, measure, amount_ustx, total_supply from feeds.hiro__stacks_blocks"
        " join feeds.hiro__lst_reserves using (index_block_hash)"
        " join feeds.hiro__stx_supply on block_height = stacks_height order by 1, 2"
    )
    days = [date(2024, 1, day) for day in (1, 2, 3)]
    total = Decimal("1427331422.593812")
    assert rows == [(day, measure, 60_000_000_000_000, total) for day in days for measure in ("total", "withdrawal")]


def test_a_state_that_is_told_again_the_same_adds_no_row(tmp_path):
    room = Room(tmp_path, RESERVES)
    asker = HiroStacksBlocks(SEEDS)
    for hours in (0, 24):
        at = FETCHED + timedelta(hours=hours)
        body = result(SIXTY_MILLION_STX)
        room.archive.append(row_of(asker, call().full_url, body, at, method="POST", sha256=room.archive.store(body)))
    room.load()
    assert room.rows("select count(*), max(last_seen_at) from feeds.hiro__lst_reserves") == [
        (1, FETCHED + timedelta(hours=24))
    ]


def test_a_block_of_a_day_that_is_told_anew_replaces_the_old_one(tmp_path):
    room = Room(tmp_path, HiroStacksBlocks(SEEDS))
    for hours, height in ((0, HEIGHT), (24, HEIGHT + 1)):
        body = block(height, "2024-01-01T23:50")
        put(room.archive, room.feed, block_request().url, body, FETCHED + timedelta(hours=hours))
    room.load()
    assert room.rows("select stacks_height from feeds.hiro__stacks_blocks") == [(HEIGHT + 1,)]


def test_what_a_supply_covers_is_its_block():
    answer = answered(supply_request(), supply(HEIGHT), FETCHED)
    covered = STX.covers(supply_request(), answer, pl.DataFrame())
    assert covered.select("entity_id", "from_block", "to_block").rows() == [("stx", HEIGHT, HEIGHT)]
