"""Whole blocks are asked for in few requests, hang together, and what is missing is asked for again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from block_chain import SYSTEM, BlockHouse, BlockNode, Sent, account, toy_seeds, tx_hash
from evm_node import OTHER_URL, URL, EvmNode, endpoint, error, first_block

from pipelines.wire import Outcome

BLOCK_SEC = 60
DAY = 24 * 60
SHOP = account(5)


def sent(block: int) -> list[Sent]:
    """One user every tenth block, who calls a contract; one transaction of the chain itself in each block."""
    own = Sent(account(0), SYSTEM)
    return [Sent(account(1_000 + block % 70), SHOP, "0x12345678"), own] if block % 10 == 0 else [own]


def node(**values: Any) -> BlockNode:
    usual = {"head": 8 * DAY, "block_sec": BLOCK_SEC, "sent": sent, "contracts": {SHOP}}
    return BlockNode(**usual | values)


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return toy_seeds(tmp_path / "seeds")


def asked(one: EvmNode, method: str, *, whole: bool | None = None) -> list[Any]:
    """The first parameter of all calls of a method, in order."""
    calls = [call for call in one.calls if call["method"] == method]
    return [call["params"][0] for call in calls if whole is None or call["params"][1] is whole]


def heights(one: EvmNode) -> list[int]:
    return [int(height, 16) for height in asked(one, "eth_getBlockByNumber", whole=True)]


def test_a_day_is_asked_for_with_the_blocks_around_it_and_each_block_once(seeds):
    house = BlockHouse(seeds, one := node())
    house.talk("2024-01-02", "2024-01-03")
    first = first_block("2024-01-02", BLOCK_SEC)
    assert sorted(heights(one)) == list(range(first - 1, first + 2 * DAY + 1))
    assert house.answered("2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04") == ["2024-01-02", "2024-01-03"]


def test_blocks_that_say_their_fees_need_no_receipts(seeds):
    house = BlockHouse(seeds, one := node())
    house.talk("2024-01-02")
    assert asked(one, "eth_getBlockReceipts") == asked(one, "eth_getTransactionReceipt") == []


def test_receipts_are_asked_for_where_users_have_transactions_only(seeds):
    house = BlockHouse(seeds, one := node(paid=False))
    house.talk("2024-01-02")
    wanted = sorted(height for height in heights(one) if height % 10 == 0)
    assert sorted(int(height, 16) for height in asked(one, "eth_getBlockReceipts")) == wanted


def test_a_node_that_gives_no_receipts_of_blocks_is_asked_for_those_of_transactions(seeds):
    house = BlockHouse(seeds, one := node(paid=False, with_block_receipts=False))
    house.talk("2024-01-02", "2024-01-03")
    wanted = sorted(tx_hash(height, 0) for height in heights(one) if height % 10 == 0)
    assert sorted(asked(one, "eth_getTransactionReceipt")) == wanted
    assert house.frame(Outcome.RPC_ERROR).height == 1
    assert house.answered("2024-01-02", "2024-01-03") == ["2024-01-02", "2024-01-03"]
    assert house.kind(house.registry).unhealed(house.frame()).is_empty()


def test_the_code_of_a_recipient_is_asked_for_once(seeds):
    house = BlockHouse(seeds, one := node())
    house.talk("2024-01-02")
    house.talk("2024-01-04")
    assert asked(one, "eth_getCode") == [SHOP]


def test_a_second_run_asks_for_nothing(seeds):
    house = BlockHouse(seeds, node())
    house.talk("2024-01-02", "2024-01-03")
    assert house.talk("2024-01-02", "2024-01-03") == 0


def test_a_day_that_goes_on_asks_for_its_own_blocks_only(seeds):
    house = BlockHouse(seeds, one := node())
    house.talk("2024-01-02")
    before = heights(one)
    house.talk("2024-01-02", "2024-01-03")
    assert set(heights(one)[len(before) :]).isdisjoint(before)


@pytest.mark.parametrize("kill_after", [3, 8, 12, 17, 22, 24])
@pytest.mark.parametrize("paid", [True, False])
def test_a_killed_run_is_taken_up_where_it_was(seeds, kill_after, paid):
    whole = BlockHouse(seeds, node(paid=paid))
    whole.talk("2024-01-02")
    house = BlockHouse(seeds, one := node(paid=paid))
    house.talk("2024-01-02", kill_after=kill_after)
    had = set(heights(one))
    one.calls.clear()
    house.talk("2024-01-02")
    assert had.isdisjoint(heights(one))
    assert house.answered("2024-01-02") == ["2024-01-02"]
    assert questions(house) == questions(whole)


def questions(house: BlockHouse) -> set[tuple[str, str]]:
    """Whole blocks, receipts and codes that were answered well."""
    good = [json.loads(row.request_body) for row in house.rows if row.outcome is Outcome.OK]
    calls = [call for told in good for call in (told if isinstance(told, list) else [told])]
    return {(call["method"], str(call["params"])) for call in calls if call["params"][1:] != [False]}


def test_answers_that_do_not_hang_together_are_asked_again(seeds):
    """The node changes its mind about the newest blocks between two of its answers."""
    fork = {"at": 10**9}

    def changes(_one: EvmNode, calls: list[dict[str, Any]], _count: int) -> None:
        if calls[0]["params"][1:] == [True] and int(calls[0]["params"][0], 16) > first_block("2024-01-02", 60) + 700:
            fork["at"] = first_block("2024-01-02", 60) + 650

    one = node(salt=lambda block: "fork" if block >= fork["at"] else "", fault=changes)
    house = BlockHouse(seeds, one)
    house.talk("2024-01-02")
    torn = [height for height in set(heights(one)) if heights(one).count(height) > 1]
    assert first_block("2024-01-02", 60) + 650 in torn
    assert len(torn) <= 300
    hashes: dict[int, str] = {}
    for row in house.rows:
        told = json.loads(house.bodies[row.sha256])
        blocks = [member["result"] for member in (told if isinstance(told, list) else [told])]
        whole = [block for block in blocks if isinstance(block, dict) and '",true]' in row.request_body]
        hashes |= {int(block["number"], 16): block["hash"] for block in whole}
    assert hashes == {height: one.hash(height) for height in hashes}


def test_an_answer_whose_own_blocks_do_not_hang_together_is_refused(seeds):
    def torn(one: EvmNode, calls: list[dict[str, Any]], _count: int) -> bytes | None:
        if calls[0]["params"][1:] != [True] or one.requests > 12:
            return None
        members = [one.member(call) for call in calls]
        members[3]["result"]["parentHash"] = "0x" + "9" * 64
        return json.dumps(members).encode()

    house = BlockHouse(seeds, node(fault=torn))
    house.talk("2024-01-02")
    assert house.frame(Outcome.WRONG_ANSWER).height > 0
    assert house.answered("2024-01-02") == ["2024-01-02"]


def test_a_block_that_was_reorganised_later_is_asked_again(seeds):
    fork = {"at": 10**9}
    one = node(head=first_block("2024-01-03", BLOCK_SEC) + 5, salt=lambda block: "x" if block >= fork["at"] else "")
    house = BlockHouse(seeds, one, now="2024-01-03 00:10:00")
    house.talk("2024-01-02")
    fork["at"] = one.head - 40
    before = len(heights(one))
    house.talk("2024-01-02")
    again = heights(one)[before:]
    assert set(range(fork["at"], first_block("2024-01-03", BLOCK_SEC) + 1)) <= set(again)
    assert len(again) < 2 * 100


def test_receipts_of_another_block_are_refused(seeds):
    def others(one: EvmNode, calls: list[dict[str, Any]], _count: int) -> bytes | None:
        if calls[0]["method"] != "eth_getBlockReceipts" or one.requests > 20:
            return None
        told = [one.member(call) for call in calls]
        for member in told:
            for receipt in member["result"]:
                receipt["blockHash"] = "0x" + "7" * 64
        return json.dumps(told if len(told) > 1 else told[0]).encode()

    house = BlockHouse(seeds, node(paid=False, fault=others))
    house.talk("2024-01-02")
    assert house.frame(Outcome.WRONG_ANSWER).height > 0
    house.talk("2024-01-02")
    assert house.answered("2024-01-02") == ["2024-01-02"]


def test_another_node_takes_over_and_no_block_is_lost(tmp_path):
    ends = [endpoint(rank=1), endpoint(rank=2, base_url=OTHER_URL)]
    seeds = toy_seeds(tmp_path / "seeds", source_endpoints=ends)

    def gives_up(_one: EvmNode, _calls: list[dict[str, Any]], count: int) -> Outcome | None:
        return Outcome.CONNECTION_ERROR if count > 12 else None

    house = BlockHouse(seeds, {URL: node(fault=gives_up), OTHER_URL: node()})
    house.talk("2024-01-02")
    assert house.answered("2024-01-02") == ["2024-01-02"]


def test_batches_are_made_smaller_where_a_node_says_so(seeds):
    house = BlockHouse(seeds, one := node(max_calls=10))
    house.talk("2024-01-02")
    assert house.answered("2024-01-02") == ["2024-01-02"]
    assert len(set(heights(one))) == DAY + 2


def test_answers_that_are_too_large_are_asked_for_in_halves(seeds):
    def too_large(_one: EvmNode, calls: list[dict[str, Any]], _count: int) -> Outcome | None:
        return Outcome.TOO_LARGE if calls[0]["params"][1:] == [True] and len(calls) > 30 else None

    house = BlockHouse(seeds, node(fault=too_large))
    house.talk("2024-01-02")
    assert house.answered("2024-01-02") == ["2024-01-02"]


def test_a_day_with_an_unanswered_code_is_asked_about_again(seeds):
    def silent(one: EvmNode, calls: list[dict[str, Any]], _count: int) -> bytes | None:
        is_code = calls[0]["method"] == "eth_getCode" and one.requests < 40
        return json.dumps(error(calls[0], -32000, "header not found")).encode() if is_code else None

    house = BlockHouse(seeds, node(fault=silent))
    house.talk("2024-01-02")
    assert house.answered("2024-01-02") == []
    house.nodes[URL].requests = 40
    house.talk("2024-01-02")
    assert house.answered("2024-01-02") == ["2024-01-02"]


def test_a_chain_that_nobody_named_is_not_asked(seeds):
    house = BlockHouse(seeds, node())
    house.registry = type(house.registry)(seeds)
    assert house.talk("2024-01-02") == 0
