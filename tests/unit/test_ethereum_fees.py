"""Fees of Ethereum: which blocks of a day are asked for, what closes it, and which histories are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from evm_node import OTHER_URL, URL, EvmNode, House, chain, endpoint, error, result, write_seeds
from market_pages import answered

from pipelines.evm import calls as rpc
from pipelines.evm.fees import fee_ranges, fees_call
from pipelines.feeds.ethereum_fees import MERGE_BLOCK, SAMPLE_BLOCKS, SAMPLES_A_DAY, EthereumBlocks, EthereumFees
from pipelines.tables.base import check
from pipelines.wire import BodyRefused, Outcome, Request

SLOT_SEC, DAY = 12, 7200
Change = Callable[[dict[str, Any]], dict[str, Any] | None]


def sec(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


FIRST = MERGE_BLOCK + 10 * DAY
"""The first block of 2024-01-01 on the chain of these tests."""


@dataclass
class FeeNode(EvmNode):
    """A node of a chain with a block every 12 seconds. `change`: what it makes of a history before it is sent."""

    head: int = FIRST + 100 * DAY
    evm_chain_id: int = 1
    change: Change = lambda history: history

    def at_sec(self, block: int) -> int:
        return sec("2024-01-01") + (block - FIRST) * SLOT_SEC

    def member(self, call: dict[str, Any]) -> dict[str, Any]:
        if call["method"] != "eth_feeHistory":
            return super().member(call)
        count, newest = (int(number, 16) for number in call["params"][:2])
        return result(call, self.change(history(newest - count + 1, count)))


def history(oldest: int, count: int, blob_fee: str = "0x1") -> dict[str, Any]:
    """Fees of some blocks: the base fee in wei is the height, the gas used is half."""
    return {
        "oldestBlock": hex(oldest),
        "baseFeePerGas": [hex(oldest + place) for place in range(count + 1)],
        "gasUsedRatio": [0.5] * count,
        "baseFeePerBlobGas": [blob_fee] * (count + 1),
        "blobGasUsedRatio": [0.123456789] * count,
    }


class FeeHouse(House):
    kind = EthereumFees

    def fee_ranges(self) -> list[tuple[int, int]]:
        good = [row for row in self.rows if row.outcome is Outcome.OK]
        return sorted(
            blocks for row in good for blocks in fee_ranges(rpc.calls_of(Request("", body=row.request_body))[1])
        )


def house(tmp_path: Path, *nodes: EvmNode, most_calls: int = 100) -> FeeHouse:
    urls = [URL, OTHER_URL][: len(nodes)]
    usual = {"source_id": "ethereum_rpc", "chain_id": "ethereum", "max_batch_calls": most_calls}
    source = {
        "source_id": "ethereum_rpc", "name": "nodes", "base_url": "", "other_urls": "", "access": "free",
        "key_header": "", "rate_limit_per_min": 60, "requests_per_day": 1000, "settle_lag_hours": 2,
        "revision_window_days": 1, "history_from": "2024-01-01",
    }  # fmt: skip
    seeds = write_seeds(
        tmp_path,
        sources=[source],
        chains=[{"chain_id": "ethereum", "evm_chain_id": 1}],
        evm_chains=[chain(chain_id="ethereum", finality_lag_blocks=64)],
        source_endpoints=[endpoint(rank=rank, base_url=url, **usual) for rank, url in enumerate(urls, start=1)],
        bridges=[{"bridge_id": "none", "chain_id": "toy", "name": "", "asset_id": "", "is_native": "true",
                  "has_feed": "false", "launched_on": ""}],
    )  # fmt: skip
    return FeeHouse(seeds, dict(zip(urls, nodes, strict=True)), now="2024-05-01 00:00:00")


def asking(first: int, last: int, evm_chain_id: int = 1) -> Request:
    one = {"jsonrpc": "2.0", "id": evm_chain_id * 100, **vars(fees_call(first, last))}
    return Request(URL, "POST", body=json.dumps(one))


def told(value: Any, call_id: int = 100) -> bytes:
    return json.dumps(result({"id": call_id}, value)).encode()


@pytest.fixture
def feed(tmp_path: Path) -> EthereumFees:
    return EthereumFees(house(tmp_path, FeeNode()).registry)


def rows_of(feed: EthereumFees, request: Request, body: bytes) -> pl.DataFrame:
    answer = answered(request, body)
    return check(feed.delivers, feed.parse(request, answer), feed.source, answer).rows


# --- which blocks -------------------------------------------------------------------------------------------


def test_twelve_stretches_of_a_day_are_asked_evenly_spread(tmp_path):
    home = house(tmp_path, FeeNode())
    home.talk("2024-01-01")
    ranges = home.fee_ranges()
    assert [last - first + 1 for first, last in ranges] == [SAMPLE_BLOCKS] * SAMPLES_A_DAY
    assert {second - first for (first, _), (second, _) in pairwise(ranges)} == {600}
    assert ranges[0][0] - FIRST == 300 - SAMPLE_BLOCKS // 2


def test_days_are_closed_by_all_their_samples_and_are_not_asked_again(tmp_path):
    home = house(tmp_path, FeeNode())
    home.talk("2024-01-01", "2024-01-03")
    assert home.answered("2024-01-01", "2024-01-03", "2024-01-04") == ["2024-01-01", "2024-01-03"]
    before = len(home.fee_ranges())
    home.talk("2024-01-01", "2024-01-03")
    assert len(home.fee_ranges()) == before == 3 * SAMPLES_A_DAY


def test_a_year_of_samples_goes_into_few_batches(tmp_path):
    home = house(tmp_path, FeeNode(), most_calls=12)
    assert home.talk("2024-01-01", "2024-03-30") <= 90 * 4


def test_a_kill_loses_no_sample(tmp_path):
    home = house(tmp_path, FeeNode(), most_calls=1)
    asked = home.talk("2024-01-01")
    for kill_after in range(0, asked, 5):
        killed = house(tmp_path / str(kill_after), FeeNode(), most_calls=1)
        killed.talk("2024-01-01", kill_after=kill_after)
        assert killed.answered("2024-01-01") == []
        killed.talk("2024-01-01")
        assert killed.fee_ranges() == home.fee_ranges()


def test_another_node_answers_where_the_first_one_does_not_serve_it(tmp_path):
    def refuse(_: EvmNode, calls: list[dict[str, Any]], __: int) -> bytes | None:
        asks = any(call["method"] == "eth_feeHistory" for call in calls)
        return json.dumps([error(call, -32601, "method not found") for call in calls]).encode() if asks else None

    home = house(tmp_path, FeeNode(fault=refuse), FeeNode())
    home.talk("2024-01-01")
    assert home.answered("2024-01-01") == ["2024-01-01"]
    assert set(home.frame(Outcome.RPC_ERROR)["url"]) == {URL}


def test_a_node_of_another_chain_is_not_asked_for_fees(tmp_path):
    home = house(tmp_path, FeeNode(evm_chain_id=10))
    home.talk("2024-01-01")
    assert (set(home.frame()["outcome"]), home.fee_ranges()) == ({Outcome.WRONG_CHAIN}, [])


# --- what is no answer --------------------------------------------------------------------------------------


def shorter(count: int) -> Change:
    return lambda given: history(int(given["oldestBlock"], 16), count)


WRONG: dict[str, tuple[Change, Outcome]] = {
    "a shorter history": (shorter(SAMPLE_BLOCKS - 1), Outcome.WRONG_ANSWER),
    "a longer history": (shorter(SAMPLE_BLOCKS + 1), Outcome.WRONG_ANSWER),
    "other blocks": (
        lambda given: history(int(given["oldestBlock"], 16) + 1, SAMPLE_BLOCKS),
        Outcome.WRONG_ANSWER,
    ),
    "no base fee of the next block": (
        lambda given: given | {"baseFeePerGas": given["baseFeePerGas"][:-1]},
        Outcome.WRONG_ANSWER,
    ),
    "fewer blob fees": (lambda given: given | {"baseFeePerBlobGas": ["0x1"]}, Outcome.WRONG_ANSWER),
    "null fees": (lambda given: given | {"baseFeePerGas": None}, Outcome.WRONG_ANSWER),
    "null": (lambda _: None, Outcome.NULL_RESULT),
    "no oldest block": (lambda _: {}, Outcome.WRONG_ANSWER),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_history_that_was_not_asked_for_closes_no_day(tmp_path, wrong):
    change, outcome = WRONG[wrong]
    home = house(tmp_path, FeeNode(change=change))
    home.talk("2024-01-01")
    assert set(home.frame()["outcome"]) == {Outcome.OK, outcome}
    assert (home.fee_ranges(), home.answered("2024-01-01")) == ([], [])


@pytest.mark.parametrize("wrong", WRONG)
def test_a_filed_history_that_was_not_asked_for_is_refused_when_it_is_read(feed, wrong):
    change, outcome = WRONG[wrong]
    body = told(change(history(100, SAMPLE_BLOCKS)))
    with pytest.raises(BodyRefused) as refused:
        rows_of(feed, asking(100, 99 + SAMPLE_BLOCKS), body)
    assert refused.value.outcome is outcome


def test_fees_of_another_chain_are_refused(feed):
    with pytest.raises(BodyRefused) as refused:
        rows_of(feed, asking(100, 101, evm_chain_id=30), told(history(100, 2), call_id=3000))
    assert refused.value.outcome is Outcome.WRONG_CHAIN


# --- what is read -------------------------------------------------------------------------------------------


def test_every_block_asked_for_has_a_row_and_the_next_one_has_none(feed):
    rows = rows_of(feed, asking(100, 102), told(history(100, 3)))
    assert rows["block_number"].to_list() == [100, 101, 102]
    assert rows["base_fee_wei"].to_list() == [100, 101, 102]
    assert rows["blob_base_fee_wei"].to_list() == [1, 1, 1]
    assert rows["gas_used_ratio"].to_list() == [0.5] * 3
    assert rows["blob_gas_used_ratio"].to_list() == [0.12345679] * 3
    assert rows["locator"].to_list() == [f"/result/baseFeePerGas/{place}" for place in range(3)]


@pytest.mark.parametrize("blobs", [{"baseFeePerBlobGas": ["0x0"] * 3, "blobGasUsedRatio": [0, 0]}, {}, None])
def test_before_there_were_blobs_their_fee_is_missing_and_not_zero(feed, blobs):
    given = history(100, 2)
    for name in ("baseFeePerBlobGas", "blobGasUsedRatio"):
        given.pop(name)
    given |= {"baseFeePerBlobGas": None, "blobGasUsedRatio": None} if blobs is None else blobs
    rows = rows_of(feed, asking(100, 101), told(given))
    assert rows.select("blob_base_fee_wei", "blob_gas_used_ratio").rows() == [(None, None)] * 2
    assert rows["base_fee_wei"].to_list() == [100, 101]


def test_a_batch_says_of_each_row_which_answer_it_is_from(feed):
    calls = [{"id": 100 + n, **vars(fees_call(first, first + 1))} for n, first in enumerate((100, 700))]
    body = json.dumps([result(call, history(first, 2)) for call, first in zip(calls, (100, 700), strict=True)])
    request = Request(URL, "POST", body=json.dumps(calls))
    rows = rows_of(feed, request, body.encode())
    assert rows.select("block_number", "locator").row(3) == (701, "/1/result/baseFeePerGas/1")
    covered = feed.covers(request, answered(request, body.encode()), rows)
    assert covered.select("entity_id", "from_block", "to_block").rows() == [
        ("ethereum", 100, 101),
        ("ethereum", 700, 701),
    ]


def test_fees_as_numbers_are_set_aside_by_row(feed):
    given = history(100, SAMPLE_BLOCKS)
    given["baseFeePerGas"][3] = 7
    request = asking(100, 99 + SAMPLE_BLOCKS)
    answer = answered(request, told(given))
    checked = check(feed.delivers, feed.parse(request, answer), feed.source, answer)
    assert checked.rejected["locator"].to_list() == ["/result/baseFeePerGas/3"]
    assert checked.rows.height == SAMPLE_BLOCKS - 1


@pytest.mark.parametrize("ratio", [-0.1, 1.5, "much"])
def test_a_share_of_gas_that_is_none_is_set_aside(feed, ratio):
    given = history(100, SAMPLE_BLOCKS)
    given["gasUsedRatio"][0] = ratio
    answer = answered(asking(100, 99 + SAMPLE_BLOCKS), told(given))
    checked = check(feed.delivers, feed.parse(answer.request, answer), feed.source, answer)
    assert (checked.rows.height, checked.rejected.height) == (SAMPLE_BLOCKS - 1, 1)


def test_headers_of_the_search_say_where_days_begin(tmp_path):
    home = house(tmp_path, FeeNode())
    home.talk("2024-01-01")
    blocks = EthereumBlocks(home.registry)
    answers = [home._answer_again(row.cells()) for row in home.rows if row.outcome is Outcome.OK]
    read = [blocks.parse(one.request, one) for one in answers if blocks.is_read(one.request)]
    known = dict(pl.concat(read).select("block_number", "block_at").rows())
    assert known[FIRST] == datetime(2024, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    assert {FIRST - 1, FIRST, FIRST + DAY - 1, FIRST + DAY} <= known.keys()
    assert not any(home.kind(home.registry).is_read(one.request) and blocks.is_read(one.request) for one in answers)
