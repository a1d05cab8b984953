"""The conversation with nodes: what is asked, how often, and what stands afterwards."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from evm_node import (
    DEPOSIT,
    GATE,
    OTHER_URL,
    PEG,
    ROLE,
    TOKEN,
    TRANSFER,
    URL,
    VAULT,
    WITHDRAWAL,
    EvmNode,
    House,
    bridge,
    chain,
    contract,
    deposits,
    endpoint,
    first_block,
    topic_of,
    write_seeds,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.evm.asking import WAVE
from pipelines.feeds.evm_logs import EvmLogs
from pipelines.registry import Registry
from pipelines.wire import Outcome, Request, Window

DAY = 43_200
"""Blocks of a day of 2 seconds each."""
FIRST = first_block("2024-01-01")
TWO = [endpoint(), endpoint(rank=2, base_url=OTHER_URL)]


def methods(node: EvmNode) -> Counter[str]:
    return Counter(call["method"] for call in node.calls)


def is_partition(ranges: list[tuple[int, int]], first: int, last: int) -> bool:
    """Whether the ranges are these blocks, each once."""
    starts = [first, *(end + 1 for _, end in ranges)]
    return [start for start, _ in ranges] == starts[:-1] and starts[-1] == last + 1


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return write_seeds(tmp_path)


def test_the_logs_of_a_day_are_asked_once_and_close_it(seeds):
    node = EvmNode(logs=deposits(range(FIRST - 10, FIRST + DAY + 10, 1000)), max_range=5000)
    house = House(seeds, node)
    house.talk("2024-01-01")
    assert is_partition(house.log_ranges(), FIRST, FIRST + DAY - 1)
    assert house.answered("2024-01-01", "2024-01-02") == ["2024-01-01"]
    assert house.loaded()["block_number"].to_list() == list(range(FIRST + 990, FIRST + DAY, 1000))


def test_where_nothing_is_missing_nothing_is_sent(tmp_path):
    seeds = write_seeds(tmp_path, peg_accounts=[{"chain_id": "toy", "account": PEG}])
    house = House(seeds, EvmNode(logs=deposits([FIRST + 5]), with_time=False), now="2024-01-08 00:00:00")
    house.talk("2024-01-01")
    assert house.talk("2024-01-01") == 0


@pytest.mark.parametrize(
    "words",
    ["limited to a {} blocks range", "exceed maximum block range: {}", "Cannot query more than {} blocks"],
)
def test_a_range_that_the_node_names_is_used_at_once(seeds, words):
    house = House(seeds, EvmNode(max_range=3000, words=words))
    house.talk("2024-01-01", "2024-01-03")
    assert house.frame(Outcome.RANGE_TOO_LARGE).height == 1
    assert is_partition(house.log_ranges(), FIRST, FIRST + 3 * DAY - 1)


@pytest.mark.parametrize(("max_range", "max_logs", "every"), [(500, 100_000, 70), (100_000, 30, 20), (400, 10_000, 20)])
@pytest.mark.parametrize("named", [True, False])
def test_hardly_more_requests_than_the_limits_ask_for(seeds, max_range, max_logs, every, named):
    words = "block range too large: {}" if named else "block range is too wide"
    node = EvmNode(
        deposits(range(FIRST, FIRST + 3 * DAY, every)),
        head=10 * DAY,
        max_range=max_range,
        max_logs=max_logs,
        words=words,
    )
    house = House(seeds, node, now="2024-01-09 00:00:00")
    sent = house.talk("2024-01-01", "2024-01-03")
    least = -(-3 * DAY // min(max_range, max_logs * every))
    waves = -(-least // WAVE)
    chain_and_days = 6
    assert len(house.log_ranges()) / least <= 1.05
    assert house.frame(Outcome.RANGE_TOO_LARGE).height <= 16
    assert not (named and max_range < 1000) or sent / (least + waves + chain_and_days) <= 1.05


def test_what_an_endpoint_allows_is_remembered(seeds):
    node = EvmNode(max_range=1234, words="block range is too wide")
    house = House(seeds, node)
    house.talk("2024-01-01", "2024-01-02")
    refused = house.frame(Outcome.RANGE_TOO_LARGE).height
    assert refused > 1
    house.talk("2024-01-03")
    assert house.frame(Outcome.RANGE_TOO_LARGE).height == refused


def test_an_answer_as_long_as_the_silent_cut_counts_as_refused(tmp_path):
    seeds = write_seeds(tmp_path, source_endpoints=[endpoint(max_logs=100)])
    house = House(seeds, EvmNode(deposits(range(FIRST, FIRST + DAY, 20)), cut_at=100))
    house.talk("2024-01-01")
    assert house.loaded().height == DAY // 20
    assert "no more than 100 logs" in house.frame(Outcome.RANGE_TOO_LARGE)["error"][0]


def test_bridges_that_miss_the_same_blocks_share_a_filter(tmp_path):
    rows = [contract("vault", VAULT, DEPOSIT), contract("gate", GATE, WITHDRAWAL, from_block=FIRST + 100)]
    seeds = write_seeds(tmp_path, bridges=[bridge("gate"), bridge("vault")], bridge_contracts=rows)
    node = EvmNode(deposits([FIRST + 5]) + deposits([FIRST + 200], GATE, WITHDRAWAL))
    house = House(seeds, node)
    house.talk("2024-01-01")
    assert house.log_ranges() == [(FIRST, FIRST + 99), (FIRST + 100, FIRST + DAY - 1)]
    assert house.loaded()["log_set_id"].to_list() == ["vault", "gate"]


def test_a_bridge_that_is_new_in_the_seeds_is_asked_for_alone(tmp_path):
    node = EvmNode(deposits([FIRST + 5]) + deposits([FIRST + 200], GATE, WITHDRAWAL))
    house = House(write_seeds(tmp_path / "one"), node)
    house.talk("2024-01-01")
    rows = [contract("vault", VAULT, DEPOSIT), contract("gate", GATE, WITHDRAWAL)]
    more = write_seeds(tmp_path / "two", bridges=[bridge("gate"), bridge("vault")], bridge_contracts=rows)
    house.registry = Registry(more)
    assert house.answered("2024-01-01") == []
    house.talk("2024-01-01")
    asked = [call["params"][0]["address"] for call in node.calls if call["method"] == "eth_getLogs"]
    assert asked == [[VAULT], [GATE]]
    assert house.answered("2024-01-01") == ["2024-01-01"]


def test_a_bridge_known_by_a_second_topic_has_its_own_filter(tmp_path):
    rows = [
        contract("gateway", TOKEN, TRANSFER, topic1_role="gate"),
        contract("vault", VAULT, DEPOSIT),
    ]
    seeds = write_seeds(tmp_path, bridges=[bridge("gateway"), bridge("vault")], bridge_contracts=rows)
    other = (FIRST + 7, TOKEN, [TRANSFER, topic_of(VAULT)])
    node = EvmNode([*deposits([FIRST + 5]), (FIRST + 6, TOKEN, [TRANSFER, topic_of(ROLE)]), other])
    house = House(seeds, node)
    house.talk("2024-01-01")
    assert house.loaded().sort("block_number")["log_set_id"].to_list() == ["vault", "gateway"]
    assert house.answered("2024-01-01") == ["2024-01-01"]


def test_blockscouts_own_door_is_asked_by_the_anchor_and_address_by_address(tmp_path):
    node = EvmNode(deposits([FIRST + 5]) + deposits([FIRST + 6], GATE, WITHDRAWAL))
    rows = [contract("vault", VAULT, DEPOSIT), contract("vault", GATE, WITHDRAWAL)]
    seeds = write_seeds(
        tmp_path,
        source_endpoints=[endpoint(style="eth_rpc", max_logs=1000)],
        evm_chains=[chain(finality_lag_blocks=900, anchor_block_number=0, anchor_block_hash=node.hash(0))],
        bridge_contracts=rows,
    )
    house = House(seeds, node)
    house.talk("2024-01-01")
    assert "eth_chainId" not in methods(node)
    assert house.loaded().height == 2
    assert house.answered("2024-01-01") == ["2024-01-01"]


def test_an_endpoint_that_cannot_be_asked_for_its_chain_is_out(tmp_path, caplog):
    house = House(write_seeds(tmp_path, source_endpoints=[endpoint(style="eth_rpc")]), EvmNode())
    assert house.talk("2024-01-01") == 0
    assert "no anchor block" in caplog.text


@pytest.mark.parametrize("style", ["rpc", "eth_rpc"])
def test_a_node_of_another_chain_is_out(tmp_path, style):
    seeds = write_seeds(
        tmp_path,
        source_endpoints=[endpoint(style=style), TWO[1]],
        evm_chains=[chain(anchor_block_number=9, anchor_block_hash=EvmNode().hash(9))],
    )
    wrong, right = EvmNode(evm_chain_id=1, salt=lambda _: "fork"), EvmNode()
    house = House(seeds, {URL: wrong, OTHER_URL: right})
    house.talk("2024-01-01")
    assert house.frame(Outcome.WRONG_CHAIN).height == 1
    assert "eth_getLogs" not in methods(wrong)
    assert house.answered("2024-01-01") == ["2024-01-01"]
    unhealed = EvmLogs(house.registry).unhealed(house.frame())
    assert unhealed["outcome"].to_list() == [Outcome.WRONG_CHAIN]


def test_a_node_behind_its_peers_is_not_asked_for_what_it_cannot_have(tmp_path):
    behind, ahead = EvmNode(head=FIRST + 1000), EvmNode(deposits([FIRST + 5000]))
    house = House(write_seeds(tmp_path, source_endpoints=TWO), {URL: behind, OTHER_URL: ahead})
    house.talk("2024-01-01")
    asked = [call["params"][0] for call in behind.calls if call["method"] == "eth_getLogs"]
    assert all(int(one["toBlock"], 16) <= FIRST + 1000 for one in asked)
    assert house.frame(Outcome.NULL_RESULT).is_empty()
    assert house.answered("2024-01-01") == ["2024-01-01"]


def test_blocks_behind_the_last_final_one_wait(seeds):
    node = EvmNode(head=FIRST + 1000)
    house = House(seeds, node)
    house.talk("2024-01-01")
    assert house.log_ranges()[-1][1] == FIRST + 1000
    assert house.answered("2024-01-01") == []
    node.head = FIRST + 3 * DAY
    house.talk("2024-01-01")
    assert is_partition(house.log_ranges(), FIRST, FIRST + DAY - 1)
    assert house.answered("2024-01-01") == ["2024-01-01"]


def test_without_a_tag_the_last_final_block_lies_so_many_behind_the_head(tmp_path):
    seeds = write_seeds(tmp_path, evm_chains=[chain(finality_tag="", finality_lag_blocks=100)])
    house = House(seeds, EvmNode(head=FIRST + 1000))
    house.talk("2024-01-01")
    assert house.log_ranges()[-1][1] == FIRST + 900


def test_the_time_of_a_block_with_logs_is_asked_for_once_ever(seeds):
    blocks = [FIRST + 5, FIRST + 77, FIRST + 78]
    node = EvmNode(deposits(blocks), with_time=False)
    house = House(seeds, node)
    house.talk("2024-01-01")
    house.talk("2024-01-02")
    heights = Counter(call["params"][0] for call in node.calls if call["method"] == "eth_getBlockByNumber")
    assert {height: heights[height] for height in map(hex, blocks)} == dict.fromkeys(map(hex, blocks), 1)


def test_the_balance_of_the_peg_is_asked_for_at_the_end_of_each_day(tmp_path):
    seeds = write_seeds(tmp_path, peg_accounts=[{"chain_id": "toy", "account": PEG}])
    node = EvmNode()
    house = House(seeds, node)
    house.talk("2024-01-01", "2024-01-02")
    asked = sorted(call["params"] for call in node.calls if call["method"] == "eth_getBalance")
    assert asked == [[PEG, hex(FIRST + DAY - 1)], [PEG, hex(FIRST + 2 * DAY - 1)]]


def test_a_node_without_the_state_costs_one_request(tmp_path):
    seeds = write_seeds(tmp_path, peg_accounts=[{"chain_id": "toy", "account": PEG}])
    node = EvmNode(balances=lambda _: None)
    house = House(seeds, node)
    house.talk("2024-01-01", "2024-01-03")
    assert methods(node)["eth_getBalance"] == 1
    assert "missing trie node" in house.frame(Outcome.RPC_ERROR)["error"][0]
    assert len(house.answered("2024-01-01", "2024-01-02", "2024-01-03")) == 3


def test_a_range_whose_last_block_was_reorganised_since_is_read_again(seeds):
    node = EvmNode(deposits([FIRST + 5]), max_range=10_000)
    house = House(seeds, node, now="2024-01-02 03:00:00")
    house.talk("2024-01-01")
    node.salt = lambda block: "fork" if block > FIRST + DAY - 50 else ""
    house.now = house.now.replace(day=3)
    before = len(house.rows)
    house.talk("2024-01-01")
    assert house.log_ranges(before) == [(FIRST + 40_000, FIRST + DAY - 1)]
    assert house.answered("2024-01-01") == ["2024-01-01"]


def test_young_ranges_are_looked_at_again_beside_the_next_day_until_they_are_old(seeds):
    node = EvmNode(max_range=10_000)
    house = House(seeds, node, now="2024-01-02 03:00:00")
    house.talk("2024-01-01")
    end = hex(FIRST + DAY - 1)

    def looks() -> int:
        return sum(call["params"][0] == end for call in node.calls if call["method"] == "eth_getBlockByNumber")

    first_looks = looks()
    house.now = house.now.replace(day=3)
    house.talk("2024-01-02")
    assert looks() == first_looks + 1
    house.now = house.now.replace(day=4)
    house.talk("2024-01-03")
    assert looks() == first_looks + 1


def test_logs_of_another_fork_than_the_header_are_asked_for_again(seeds):
    def fault(node: EvmNode, calls: list[dict[str, Any]], _: int) -> None:
        if calls[0]["method"] == "eth_getLogs":
            node.salt = lambda _: "fork"

    house = House(seeds, EvmNode(deposits([FIRST + DAY - 1]), fault=fault))
    house.talk("2024-01-01")
    assert "reorganised" in house.frame(Outcome.WRONG_ANSWER)["error"][0]
    assert house.answered("2024-01-01") == ["2024-01-01"]
    assert house.loaded()["block_hash"].to_list() == [house.nodes[URL].hash(FIRST + DAY - 1)]


def test_a_day_of_which_a_chain_has_no_usable_node_is_not_answered(seeds):
    house = House(seeds, EvmNode(fault=lambda *_: Outcome.CONNECTION_ERROR))
    house.talk("2024-01-01")
    assert house.answered("2024-01-01") == []
    assert EvmLogs(house.registry).unhealed(house.frame()).height >= 1


def test_days_before_a_bridge_began_need_nothing(tmp_path):
    rows = [contract("vault", VAULT, DEPOSIT, from_block=FIRST + DAY + 100)]
    house = House(write_seeds(tmp_path, bridge_contracts=rows), EvmNode())
    house.talk("2024-01-01")
    assert house.log_ranges() == []
    assert house.answered("2024-01-01") == ["2024-01-01"]
    assert house.talk("2024-01-01") == 0


def test_requests_without_a_past_begin_with_chain_and_head(seeds):
    first = next(EvmLogs(Registry(seeds)).requests(Window(date(2024, 1, 1), date(2024, 1, 1))))
    assert [call["method"] for call in json.loads(first[0].body or "")] == ["eth_chainId", "eth_getBlockByNumber"]


def test_only_addresses_of_registered_endpoints_are_its_own(seeds):
    feed = EvmLogs(Registry(seeds))
    assert feed.owns(Request(URL).target)
    assert not feed.owns(Request("http://127.0.0.9:8545").target)
    assert feed.known_urls == [URL]


def test_where_no_node_tells_when_the_day_begins_its_logs_are_not_asked(seeds):
    """Otherwise the whole chain up to its head would be."""

    def no_first_block(_: EvmNode, calls: list[dict[str, Any]], __: int) -> bytes | None:
        return b"{" if ["0x0", False] in [call["params"] for call in calls] else None

    house = House(seeds, EvmNode(deposits(range(0, 200_000, 500)), fault=no_first_block))
    house.talk("2024-01-01")
    assert house.log_ranges() == []
    house.nodes[URL].fault = lambda *_: None
    house.talk("2024-01-01")
    assert is_partition(house.log_ranges(), FIRST, FIRST + DAY - 1)


def faults_that_heal(kinds: list[int]) -> Any:
    """The first requests are spoiled, each in the way that its number names; then the node is well."""

    def fault(node: EvmNode, calls: list[dict[str, Any]], number: int) -> bytes | Outcome | None:
        kind = kinds[number - 1] if number <= len(kinds) else 0
        good = json.dumps([node.member(call) for call in calls] if len(calls) > 1 else node.member(calls[0])).encode()
        return {
            1: Outcome.TIMEOUT,
            2: Outcome.CONNECTION_ERROR,
            3: good[: len(good) // 2],
            4: b'{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"internal error"}}',
            5: b'{"jsonrpc":"2.0","id":1,"result":[]}',
            6: Outcome.TOO_LARGE,
            7: b'{"jsonrpc":"2.0","id":null,"error":{"code":429,"message":"Too Many Requests"}}',
        }.get(kind)

    return fault


@st.composite
def nodes(draw: st.DrawFn) -> EvmNode:
    """A node with any caps and density, and faults at its first requests."""
    every, burst = draw(st.integers(100, 3000)), draw(st.integers(0, 30))
    blocks = sorted([*range(FIRST - 100, FIRST + DAY + 100, every), *range(FIRST + 500, FIRST + 500 + burst)])
    return EvmNode(
        deposits(blocks),
        max_range=draw(st.integers(700, 60_000)),
        max_logs=draw(st.integers(40, 3000)),
        words=draw(st.sampled_from(["limited to a {} range", "block range is too large"])),
        fault=faults_that_heal(draw(st.lists(st.integers(0, 7), max_size=20))),
    )


@settings(max_examples=20, deadline=None)
@given(node=nodes(), kills=st.lists(st.integers(1, 40), max_size=3))
def test_whatever_the_caps_densities_faults_and_kills_every_block_is_answered_once(tmp_path_factory, node, kills):
    house = House(write_seeds(tmp_path_factory.mktemp("seeds")), node)
    for kill_after in kills:
        house.talk("2024-01-01", kill_after=kill_after)
    for _ in range(20):
        if not house.answered("2024-01-01"):
            house.talk("2024-01-01")
    assert house.answered("2024-01-01") == ["2024-01-01"]
    assert is_partition(house.log_ranges(), FIRST, FIRST + DAY - 1)
    expected = sorted(block for block, _, _ in node.logs if FIRST <= block < FIRST + DAY)
    assert sorted(house.loaded()["block_number"]) == expected


@settings(max_examples=8, deadline=None)
@given(kill_after=st.integers(0, 60))
def test_a_kill_costs_at_most_the_wave_in_flight(tmp_path_factory, kill_after):
    def new_house() -> House:
        node = EvmNode(deposits(range(FIRST, FIRST + DAY, 500)), max_range=1000, with_time=False)
        return House(write_seeds(tmp_path_factory.mktemp("seeds")), node)

    undisturbed = new_house().talk("2024-01-01")
    house = new_house()
    first = house.talk("2024-01-01", kill_after=kill_after)
    second = house.talk("2024-01-01")
    introduction, headers = 1, 3
    assert first + second <= undisturbed + WAVE + introduction + headers
    assert is_partition(house.log_ranges(), FIRST, FIRST + DAY - 1)
    assert house.talk("2024-01-01") == 0


def test_the_same_past_and_answers_bring_the_same_questions(tmp_path):
    def waves(name: str) -> list[list[str | None]]:
        house = House(write_seeds(tmp_path / name), EvmNode(deposits(range(0, 90_000, 11)), max_range=900))
        house.talk("2024-01-01")
        return [[request.body for request in wave] for wave in house.waves]

    assert waves("one") == waves("two")


def test_wishes_are_sent_in_waves_that_keep_threads_busy(seeds):
    house = House(seeds, EvmNode(max_range=100))
    house.talk("2024-01-01")
    assert max(len(wave) for wave in house.waves) == WAVE
