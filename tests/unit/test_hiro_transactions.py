"""Stacks transactions of a day: how the pages of a day are walked, who counts as active, and what closes a day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from activity_pages import NAMES, json_bytes, past, talk, transaction, transactions
from market_pages import ERROR_BODIES, answered, failed, read, refusal, sec
from pages import SEEDS, Room

from pipelines.feeds.hiro_transactions import HiroActiveAddresses
from pipelines.runtime import Runtime
from pipelines.settings import Mode, Settings
from pipelines.wire import Answer, Failure, Outcome, Request, Window

FEED = HiroActiveAddresses(SEEDS)
DAY = date(2024, 6, 5)
WINDOW = Window(DAY, DAY)
FETCHED = datetime.fromisoformat("2024-06-06T12:00")
PAGES = "https://api.hiro.so/extended/v3/transactions"
BOUND = "https://api.hiro.so/extended/v2/blocks/by-block-time/"
LAST, BEFORE = f"{BOUND}{sec('2024-06-06') - 1}", f"{BOUND}{sec('2024-06-05')}"
NOON = "2024-06-05T12:00"


def upstream(pages: dict[str, bytes]) -> Any:
    """A chain of 100 blocks at the end of the day; the pages by cursor."""

    def reply(request: Request) -> Answer | Failure:
        if request.url.startswith(BOUND):
            return answered(request, json_bytes({"height": 100, "block_time": sec("2024-06-05T23:59")}))
        body = pages.get(dict(request.params)["cursor"])
        return answered(request, body) if body else failed(request, 500)

    return reply


def steps(pages: dict[str, bytes]) -> list[str]:
    """The cursors and bounds that are asked for, in their order."""
    asked = [request for [request] in talk(FEED, WINDOW, upstream(pages))]
    return [dict(request.params).get("cursor", request.url) for request in asked]


def page(*results: Any) -> list[dict[str, Any]]:
    return read(FEED, Request.get(PAGES), transactions(*results), FETCHED).rows.to_dicts()


# --- the pages of a day -------------------------------------------------------------------------------------


def test_pages_are_walked_from_the_last_block_of_the_day_down_to_the_day_before():
    assert steps(
        {
            "101:0:0": transactions(transaction(100, NOON), following="99:2147483647:5"),
            "99:2147483647:5": transactions(
                transaction(99, NOON), transaction(98, "2024-06-04T23:59"), following="97:2147483647:0"
            ),
        }
    ) == [LAST, "101:0:0", "99:2147483647:5", BEFORE]


def test_a_page_holds_as_many_as_may_be_asked_for():
    _, [request], _ = talk(FEED, WINDOW, upstream({"101:0:0": transactions(transaction(1, "2024-06-04T00:00"))}))
    assert dict(request.params) == {"limit": "50", "cursor": "101:0:0"}


def test_the_first_block_of_the_chain_ends_the_pages():
    assert steps({"101:0:0": transactions(transaction(1, NOON))}) == [LAST, "101:0:0", BEFORE]


BROKEN = {
    "a page that fails": {},
    "a page without transactions": {"101:0:0": transactions(following="99:0:0")},
    "a page that is none": {"101:0:0": b'{"error": "Gone"}'},
    "a cursor that leads back": {"101:0:0": transactions(transaction(100, NOON), following="101:0:0")},
    "a cursor that is none": {"101:0:0": transactions(transaction(100, NOON), following="next")},
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_day_whose_pages_break_off_is_not_closed(name):
    assert steps(BROKEN[name]) == [LAST, "101:0:0"]


def test_a_day_without_a_last_block_is_not_asked_for_pages():
    asked = talk(FEED, WINDOW, lambda request: answered(request, b'{"error": "none"}'))
    assert [request.url for [request] in asked] == [LAST]


def test_only_the_bound_that_closes_a_day_speaks_of_it():
    requests = [Request.get(LAST), Request.get(PAGES, {"cursor": "1:0:0"}), Request.get(BEFORE)]
    assert [FEED.speaks(request) for request in requests] == [False, False, True]
    assert FEED.days_of(Request.get(BEFORE)) == [DAY]
    assert [FEED.is_read(request) for request in requests] == [False, True, False]
    assert FEED.answered(past(), [DAY]) is None


def test_it_owns_pages_and_bounds():
    assert FEED.owns(urlsplit(PAGES))
    assert FEED.owns(urlsplit(BEFORE))
    assert not FEED.owns(urlsplit("https://api.hiro.so/extended/v1/tx/"))


def test_it_is_off_until_a_key_is_set(tmp_path):
    live = {"feeds": Mode.LIVE, "home": tmp_path}
    assert "OUTCROP_KEYS__HIRO" in (Runtime(Settings(**live), feeds=[FEED]).why_off(FEED) or "")
    assert Runtime(Settings(**live, keys={"hiro": "one-key"}), feeds=[FEED]).why_off(FEED) is None
    assert SEEDS.sources["hiro"].access == "free"


# --- who counts ---------------------------------------------------------------------------------------------


def test_a_row_is_a_transaction_and_its_day_that_of_the_block():
    [row] = page(transaction(7, "2024-06-05T23:59:59", "SP2X"))
    assert (row["tx_id"], row["address"], row["date_day"]) == (f"0x{7:064x}", "SP2X", DAY)
    assert (row["block_number"], row["fee_ustx"], row["status"]) == (7, 3000, "success")
    assert (row["chain_id"], row["tx_kind"], row["locator"]) == ("stacks", "token_transfer", "/results/0")


@pytest.mark.parametrize("kind", NAMES)
def test_transfers_contracts_and_calls_count(kind):
    assert [row["tx_kind"] for row in page(transaction(7, NOON, kind=kind))] == [kind]


@pytest.mark.parametrize("kind", ["coinbase", "tenure_change", "poison_microblock"])
def test_what_miners_write_does_not_count(kind):
    assert [row["block_number"] for row in page(transaction(7, NOON), transaction(8, NOON, kind=kind))] == [7]


def test_aborted_transactions_count_and_sponsors_do_not():
    sponsored = transaction(7, NOON, status="abort_by_response", sponsor={"address": "SPX", "nonce": 0})
    assert [(row["address"], row["status"]) for row in page(sponsored)] == [("SP1", "abort_by_response")]


def test_a_page_covers_the_blocks_that_it_shows():
    body = transactions(transaction(9, NOON, kind="coinbase"), transaction(7, NOON))
    request = Request.get(PAGES)
    [span] = FEED.covers(request, answered(request, body), read(FEED, request, body, FETCHED).rows).to_dicts()
    assert (span["entity_id"], span["from_block"], span["to_block"]) == ("stacks", 7, 9)


def test_distinct_senders_of_overlapping_pages_count_once(tmp_path):
    room = Room(tmp_path, FEED)
    first = transactions(transaction(9, NOON, "SP1"), transaction(8, NOON, "SP2"))
    second = transactions(transaction(8, NOON, "SP2"), transaction(7, "2024-06-04T12:00", "SP1"))
    room.put(first, FETCHED, f"{PAGES}?cursor=10:0:0")
    room.put(second, FETCHED.replace(minute=1), f"{PAGES}?cursor=8:0:0")
    room.put(json_bytes({"height": 6}), FETCHED.replace(minute=2), BEFORE)
    assert room.load().incidents == []
    counts = (
        "select date_day, count(*), count(distinct address) from feeds.hiro__active_addresses group by 1 order by 1"
    )
    assert room.rows(counts) == [(date(2024, 6, 4), 1, 1), (DAY, 2, 2)]


# --- what is refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"tx_id": "0x12"},
        {"sender": None},
        {"sender": {"address": ""}},
        {"fee_rate": "x"},
        {"block": {"height": 1}},
        {"block": {"height": 1, "time": sec(NOON) * 1000}},
        {"block": {"height": None, "time": sec(NOON)}},
    ],
)
def test_a_transaction_that_cannot_be_read_is_set_aside(change):
    body = transactions(transaction(7, NOON), transaction(8, NOON) | change)
    checked = read(FEED, Request.get(PAGES), body, FETCHED)
    assert (checked.rows.height, checked.rejected["locator"].to_list()) == (1, ["/results/1"])


@pytest.mark.parametrize("body", [*ERROR_BODIES.values(), transactions("x")])
def test_what_is_no_page_is_refused(body):
    assert refusal(FEED, Request.get(PAGES), body, FETCHED) is Outcome.LAYOUT_CHANGED
