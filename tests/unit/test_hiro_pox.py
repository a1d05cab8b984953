"""Reward cycles, their signers and the node's constants: what is asked again, and how answers are read."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from activity_pages import attempt, past, talk
from hiro_pages import BASE, CYCLES, FETCHED, cycle, json_bytes, page, signer
from market_pages import answered, failed, read, refusal
from pages import SEEDS

from pipelines.feeds.hiro_pox import HiroPoxCycles, HiroPoxInfo, HiroPoxSigners
from pipelines.wire import Answer, Failure, Outcome, Request, Window

LIST, SIGNERS, INFO = HiroPoxCycles(SEEDS), HiroPoxSigners(SEEDS), HiroPoxInfo(SEEDS)
WINDOW = Window(date(2024, 1, 1), date(2024, 1, 4))
INFO_URL = f"{BASE}/v2/pox"


def listing(offset: int = 0) -> Request:
    return Request.get(CYCLES, {"limit": "60", "offset": str(offset)})


def signers_of(number: int, offset: int = 0) -> Request:
    return Request.get(f"{CYCLES}/{number}/signers", {"limit": "250", "offset": str(offset)})


class Upstream:
    """Cycles 84 to `newest`, each with some signers."""

    def __init__(self, newest: int = 88, signers: int = 3) -> None:
        self.cycles = [cycle(number) for number in range(newest, 83, -1)]
        self.signers = [signer(number) for number in range(signers)]
        self.broken: set[str] = set()

    def __call__(self, request: Request) -> Answer | Failure:
        query = dict(request.params)
        rows = self.cycles if request.url == CYCLES else self.signers
        offset, limit = int(query["offset"]), int(query["limit"])
        if request.url in self.broken:
            return failed(request, 500)
        return answered(request, page(rows[offset : offset + limit], offset, limit, total=len(rows)))


def asked(upstream: Upstream, before: Any = None) -> list[str]:
    """What a conversation asks for, in the last steps of the addresses, with the offset where it is not the first."""
    found = []
    for [request] in talk(LIST, WINDOW, upstream, before):
        offset = dict(request.params)["offset"]
        found.append(request.url.removeprefix(CYCLES) + (f" {offset}" if offset != "0" else ""))
    return found


# --- what is asked ------------------------------------------------------------------------------------------


def test_the_list_comes_first_and_then_the_signers_of_every_cycle():
    assert asked(Upstream()) == ["", *(f"/{number}/signers" for number in range(84, 89))]


def test_long_lists_are_read_page_by_page():
    assert asked(Upstream(newest=152, signers=400))[:4] == ["", " 60", "/84/signers", "/84/signers 250"]


def test_signers_that_were_read_are_not_asked_for_again_but_those_of_the_newest_two_cycles():
    good = [
        attempt(f"{CYCLES}/{number}/signers", "2024-01-03T09:30", limit="250", offset="0") for number in range(84, 89)
    ]
    assert asked(Upstream(newest=89), past(*good)) == ["", "/88/signers", "/89/signers"]


def test_a_cycle_of_which_a_page_failed_is_asked_for_again():
    url = f"{CYCLES}/84/signers"
    tries = [
        attempt(url, "2024-01-03T09:30", limit="250", offset="0"),
        attempt(url, "2024-01-03T09:31", Outcome.HTTP_ERROR, 500, limit="250", offset="250"),
    ]
    assert "/84/signers" in asked(Upstream(newest=87), past(*tries))


def test_a_list_that_fails_ends_the_conversation():
    upstream = Upstream()
    upstream.broken = {CYCLES}
    assert asked(upstream) == [""]


def test_signers_that_fail_do_not_keep_the_next_cycle_waiting():
    upstream = Upstream()
    upstream.broken = {f"{CYCLES}/85/signers"}
    assert asked(upstream)[-1] == "/88/signers"


def test_each_feed_reads_its_own_kind_of_answer():
    assert (LIST.is_read(listing()), LIST.is_read(signers_of(84))) == (True, False)
    assert (SIGNERS.is_read(listing()), SIGNERS.is_read(signers_of(84))) == (False, True)
    assert SIGNERS.raw_ids == [LIST.feed_id]
    assert not SIGNERS.asks
    assert LIST.owns(urlsplit(CYCLES))
    assert LIST.owns(urlsplit(f"{CYCLES}/84/signers"))
    assert not LIST.owns(urlsplit(f"{CYCLES}/84/signers/02/stackers"))
    assert INFO.owns(urlsplit(INFO_URL))


# --- what an answer means -----------------------------------------------------------------------------------


def test_a_row_is_what_all_signers_stack_in_a_cycle():
    [row] = read(LIST, listing(), page([cycle(84)], limit=60, total=1)).rows.iter_rows(named=True)
    assert (row["cycle_number"], row["anchor_stacks_height"]) == (84, 184_000)
    assert row["total_stacked_ustx"] == Decimal(509_000_000_000_000)
    assert (row["total_weight"], row["total_signers"], row["chain_id"]) == (3_990, 40, "stacks")


def test_a_signer_belongs_to_the_cycle_of_the_address():
    [row] = read(SIGNERS, signers_of(84), page([signer(7)], total=1)).rows.iter_rows(named=True)
    assert (row["cycle_number"], row["signing_key"], row["signer_address"]) == (84, f"02{7:064x}", "SP7")
    assert (row["weight"], row["stacked_ustx"]) == (10, Decimal(7_000_000_000_000))
    assert (row["solo_count"], row["pooled_count"]) == (1, 7)


def test_counts_of_stackers_may_be_missing_and_are_not_zero():
    body = page([signer(7, solo_stacker_count=None, pooled_stacker_count=None)], total=1)
    [row] = read(SIGNERS, signers_of(84), body).rows.iter_rows(named=True)
    assert (row["solo_count"], row["pooled_count"]) == (None, None)


@pytest.mark.parametrize("value", ["-1", "1.5", None, "many"])
def test_an_amount_that_cannot_be_stacked_is_set_aside(value):
    checked = read(LIST, listing(), page([cycle(85), cycle(84, total_stacked_amount=value)], limit=60, total=2))
    assert (checked.rows["cycle_number"].to_list(), checked.rejected["locator"].to_list()) == ([85], ["/results/1"])
    checked = read(SIGNERS, signers_of(84), page([signer(1), signer(2, stacked_amount=value)], total=2))
    assert (checked.rows.height, checked.rejected["locator"].to_list()) == (1, ["/results/1"])


REFUSED = {
    "an error": (json_bytes({"error": "Gone", "message": "deprecated"}), Outcome.LAYOUT_CHANGED),
    "nothing": (page([], total=0), Outcome.EMPTY_BODY),
    "another page": (page([cycle(84) | signer(1)], offset=60, total=100), Outcome.WRONG_ANSWER),
    "one key twice": (page([cycle(84) | signer(1), cycle(84) | signer(1) | {"weight": 1, "total_weight": 1}], total=2),
                      Outcome.CONFLICTING_ROWS),
}  # fmt: skip


@pytest.mark.parametrize(("body", "outcome"), REFUSED.values(), ids=REFUSED.keys())
def test_a_body_that_is_no_page_is_refused_by_name(body, outcome):
    assert refusal(LIST, listing(), body) == outcome
    assert refusal(SIGNERS, signers_of(84), body) == outcome


# --- the node's constants -----------------------------------------------------------------------------------


def info(**changes: Any) -> bytes:
    return json_bytes(
        {
            "contract_id": "SP000000000000000000002Q6VF78.pox-4",
            "first_burnchain_block_height": 666_050,
            "reward_cycle_length": 2_100,
            "prepare_phase_block_length": 100,
            "current_cycle": {"id": 75, "stacked_ustx": 378_000_000_000_000},
            **changes,
        }
    )


def test_a_row_is_what_the_node_says_on_the_day_it_is_asked():
    [row] = read(INFO, Request.get(INFO_URL), info(), FETCHED).rows.iter_rows(named=True)
    assert row["snapshot_on"] == date(2024, 1, 5)
    assert [row[name] for name in ("first_burnchain_block_height", "reward_cycle_length")] == [666_050, 2_100]
    assert (row["prepare_phase_block_length"], row["pox_version"], row["current_cycle"]) == (100, "pox-4", 75)
    assert row["stacked_ustx"] == Decimal(378_000_000_000_000)


def test_numbers_of_the_node_may_be_texts():
    changes = {"reward_cycle_length": "2100", "current_cycle": {"id": "75", "stacked_ustx": "378000000000000"}}
    [row] = read(INFO, Request.get(INFO_URL), info(**changes), FETCHED).rows.iter_rows(named=True)
    assert (row["reward_cycle_length"], row["current_cycle"]) == (2_100, 75)


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"current_cycle": None}, Outcome.LAYOUT_CHANGED),
        ({"contract_id": 4}, Outcome.LAYOUT_CHANGED),
        ({"reward_cycle_length": -2_100}, Outcome.LAYOUT_CHANGED),
        ({"reward_cycle_length": 2_100.5}, Outcome.LAYOUT_CHANGED),
        ({"current_cycle": {"id": 75, "stacked_ustx": "-1"}}, Outcome.LAYOUT_CHANGED),
        ({"reward_cycle_length": 100}, Outcome.TOO_MANY_FAULTS),
    ],
)
def test_constants_that_cannot_be_are_refused_by_name(changes, outcome):
    at = datetime.fromisoformat("2024-01-05T09:30")
    assert refusal(INFO, Request.get(INFO_URL), info(**changes), at) == outcome
