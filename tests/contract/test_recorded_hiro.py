"""Hiro's published interface and the node's documented examples, against what the stacking feeds ask and read.

Belongs here: the interface file and examples, read where they lie.
Not here: hand-written answers (unit tests); what the activity feed asks Hiro (test_recorded_activity.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from activity_pages import talk
from hiro_pages import BASE, Node, RewardList, block_rewards, cycle, json_bytes, page, reward, signer
from market_pages import answered, read, refusal
from pages import SEEDS

from pipelines.feeds.base import Feed
from pipelines.feeds.clarity import decode
from pipelines.feeds.hiro_pox import HiroPoxCycles, HiroPoxInfo, HiroPoxSigners
from pipelines.feeds.hiro_rewards import HiroBurnchainRewards
from pipelines.feeds.hiro_stx import HiroLstReserves, HiroStacksBlocks, HiroStxSupply
from pipelines.wire import Answer, Failure, Outcome, Request, Window

WINDOW = Window(date(2024, 1, 1), date(2024, 1, 1))
LATER = datetime.fromisoformat("2026-11-22T09:30")
CYCLE_PATH = "/extended/v2/pox/cycles"
TEXT = "0x" + "ab" * 32
SAMPLES = {"integer": 7, "string": "7", "boolean": True, "number": 1.5}
Find = Callable[[str], Path]


def document(find: Find, name: str) -> Any:
    return json.loads(find(f"hiro/{name}").read_text(encoding="utf-8"), parse_float=Decimal)


@pytest.fixture(scope="module")
def interface(recording: Find) -> Any:
    return document(recording, "openapi_v9.0.2_trimmed.json")


def cycles(request: Request) -> Answer | Failure:
    rows = [cycle(84)] if request.url.endswith("cycles") else [signer(1)]
    return answered(request, page(rows, total=1))


UPSTREAMS: list[tuple[type[Feed], Any]] = [
    (HiroBurnchainRewards, RewardList(block_rewards(range(823_000, 824_500)))),
    (HiroPoxCycles, cycles),
    (HiroStacksBlocks, Node()),
]


def path_of(interface: Any, request: Request) -> str | None:
    """The documented path that an address is of."""
    told = request.url.removeprefix(BASE)
    for path in interface["paths"]:
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), told):
            return path
    return None


@pytest.mark.parametrize(("feed", "upstream"), UPSTREAMS, ids=lambda one: getattr(one, "entity", ""))
def test_every_question_is_documented_and_within_its_limits(interface, feed, upstream):
    asked = [request for step in talk(feed(SEEDS), WINDOW, upstream) for request in step]
    documented = [request for request in asked if "/v2/contracts/" not in request.url]
    assert documented
    for request in documented:
        path = path_of(interface, request)
        assert path, request
        operation = interface["paths"][path]["get"]
        known = {one["name"]: one["schema"] for one in operation["parameters"] if one["in"] == "query"}
        for name, value in request.params:
            assert known[name]["minimum"] <= int(value) <= known[name].get("maximum", int(value))


def test_pages_are_as_large_as_the_interface_allows(interface):
    [[first], *_] = talk(HiroBurnchainRewards(SEEDS), WINDOW, UPSTREAMS[0][1])
    [[listed], [signers]] = talk(HiroPoxCycles(SEEDS), WINDOW, cycles)
    for request in (first, listed, signers):
        parameters = interface["paths"][path_of(interface, request)]["get"]["parameters"]
        [most] = [one["schema"]["maximum"] for one in parameters if one["name"] == "limit"]
        assert dict(request.params)["limit"] == str(most)


def schema(interface: Any, path: str) -> Any:
    return interface["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]


def sample(told: Any) -> Any:
    """A value of a documented type, every required field of an object in it."""
    if told["type"] == "object":
        return {name: sample(told["properties"][name]) for name in told["required"]}
    return [sample(told["items"])] if told["type"] == "array" else SAMPLES[told["type"]]


def listed(interface: Any, path: str, *changes: dict[str, Any]) -> bytes:
    """A page as documented, one result for each of these changes."""
    told = sample(schema(interface, path))
    [result] = told["results"]
    assert all(one.keys() <= result.keys() for one in changes)
    return json_bytes(told | {"offset": 0, "results": [result | one for one in changes]})


def test_a_documented_page_of_rewards_is_read(interface):
    path = "/extended/v1/burnchain/rewards"
    heights = [{"burn_block_hash": TEXT, "burn_block_height": height} for height in (850_002, 850_001)]
    checked = read(HiroBurnchainRewards(SEEDS), Request.get(BASE + path), listed(interface, path, *heights), LATER)
    [row] = checked.rows.iter_rows(named=True)
    assert (row["burn_block_height"], row["reward_sats"], row["burn_sats"]) == (850_002, 7, 7)
    assert reward(1).keys() == schema(interface, path)["properties"]["results"]["items"]["properties"].keys()


def test_a_documented_page_of_cycles_and_of_signers_is_read(interface):
    body = listed(interface, CYCLE_PATH, {"cycle_number": 84})
    assert read(HiroPoxCycles(SEEDS), Request.get(BASE + CYCLE_PATH), body, LATER).rows["cycle_number"].to_list() == [
        84
    ]
    path = CYCLE_PATH + "/{cycle_number}/signers"
    request = Request.get(BASE + path.replace("{cycle_number}", "84"))
    body = listed(interface, path, {"signing_key": "0x02" + "cd" * 32})
    [row] = read(HiroPoxSigners(SEEDS), request, body, LATER).rows.iter_rows(named=True)
    assert (row["cycle_number"], row["stacked_ustx"], row["pooled_count"]) == (84, 7, 7)


def test_a_documented_block_is_read(interface):
    path = "/extended/v2/blocks/by-block-time/{timestamp}"
    told = sample(schema(interface, path)) | {"index_block_hash": TEXT, "block_time": 1_704_153_000}
    request = Request.get(BASE + path.replace("{timestamp}", "1704153600"))
    [row] = read(HiroStacksBlocks(SEEDS), request, json_bytes(told), LATER).rows.iter_rows(named=True)
    assert (row["stacks_height"], row["burn_block_height"], row["index_block_hash"]) == (7, 7, "ab" * 32)


def test_a_documented_supply_is_read(interface):
    path = "/extended/v1/stx_supply/"
    request = Request.get(BASE + path, {"height": "7"})
    checked = read(HiroStxSupply(SEEDS), request, json_bytes(sample(schema(interface, path))), LATER)
    assert checked.rows.select("block_height", "circulating_supply").rows() == [(7, Decimal(7))]


def test_a_documented_error_is_refused(interface):
    path = "/extended/v1/burnchain/rewards"
    told = interface["paths"][path]["get"]["responses"]["4XX"]["content"]["application/json"]["schema"]
    request = Request.get(BASE + path)
    assert refusal(HiroBurnchainRewards(SEEDS), request, json_bytes(sample(told))) == Outcome.LAYOUT_CHANGED


def test_the_constants_of_the_node_are_read_as_its_example_has_them(recording):
    told = document(recording, "v2_pox.example.json")
    body = recording("hiro/v2_pox.example.json").read_bytes()
    [row] = read(HiroPoxInfo(SEEDS), Request.get(f"{BASE}/v2/pox"), body, LATER).rows.iter_rows(named=True)
    assert (row["first_burnchain_block_height"], row["reward_cycle_length"]) == (666_050, 2_100)
    assert row["prepare_phase_block_length"] == told["prepare_phase_block_length"] == 100
    assert (row["current_cycle"], row["stacked_ustx"]) == (
        told["current_cycle"]["id"],
        told["current_cycle"]["stacked_ustx"],
    )
    assert (row["pox_version"], row["snapshot_on"]) == ("pox", date(2026, 11, 22))


def test_the_example_of_a_read_only_call_is_one(recording):
    body = recording("hiro/v2_contracts_call-read_success.example.json").read_bytes()
    assert decode(json.loads(body)["result"]) == 1
    states = talk(HiroStacksBlocks(SEEDS), WINDOW, Node())[-1]
    feed = HiroLstReserves(SEEDS)
    [call] = [request for request in states if request.url.endswith("get-total-stx")]
    assert feed.is_read(call)
    assert read(feed, call, body, LATER).rows["amount_ustx"].to_list() == [1]
