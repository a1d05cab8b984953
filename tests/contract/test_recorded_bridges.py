"""Published ABIs, event topics and token lists against what the seeds say of bridges.

Belongs here: files read where they lie. Not here: decoding of logs (test_recorded_evm.py).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pages import SEEDS

PUBLISHED = {
    "rootstock/bridge.abi.json": ("rootstock_powpeg", "0x0000000000000000000000000000000001000006"),
    "fastbtc/FastBTCBridge.abi.json": ("sovryn_fastbtc", "0x1a8e78b41bc5ab9ebb6996136622b9b41a601b5c"),
    "fastbtc/ManagedWallet.abi.json": ("sovryn_fastbtc", "0xe43cafbdd6674df708ce9dff8762af356c2b454d"),
}
BEFORE_THE_ABI = "release_request_received(address indexed sender, bytes btcDestinationAddress, uint256 amount)"
"""The form that Rootstock's logs had until Fingerroot; the published ABI has the one after it."""
BOB = 60808


def declaration(event: dict[str, Any]) -> str:
    arguments = (f"{one['type']} {'indexed ' if one['indexed'] else ''}{one['name']}" for one in event["inputs"])
    return f"{event['name']}({', '.join(arguments)})"


@pytest.fixture(scope="module")
def topics(recording: Callable[[str], Path]) -> list[dict[str, str]]:
    with recording("evm_events/event_topics.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", PUBLISHED)
def test_declarations_are_those_of_the_published_abi(recording, name):
    abi = json.loads(recording(name).read_text(encoding="utf-8"))
    published = {declaration(entry) for entry in abi if entry["type"] == "event"}
    ours = {one.declaration for one in SEEDS.bridge_contracts if (one.bridge_id, one.address) == PUBLISHED[name]}
    assert ours
    assert ours - {BEFORE_THE_ABI} <= published


def test_declarations_and_topics_are_those_of_the_compiled_list(topics):
    listed = {(row["full_declaration"], row["topic0"]) for row in topics if "GUESSED" not in row["status"]}
    ours = {(one.declaration, one.topic0) for one in SEEDS.bridge_contracts}
    assert len(ours) > 15
    assert ours - listed == set()


def test_no_declaration_is_one_that_nobody_has_verified(topics):
    doubted = {row["full_declaration"] for row in topics if "GUESSED" in row["status"] or "UNVERIFIED" in row["status"]}
    assert doubted
    assert not doubted & {one.declaration for one in SEEDS.bridge_contracts}


def test_decimals_of_tokens_on_bob_are_those_of_its_list(recording):
    tokens = json.loads(recording("bob/tokenlist.json").read_text(encoding="utf-8"))["tokens"]
    listed = {token["address"].lower(): token["decimals"] for token in tokens if token["chainId"] == BOB}
    with (SEEDS.seeds / "bridge_tokens.csv").open(newline="", encoding="utf-8") as file:
        ours = {row["token_address"]: int(row["decimals"]) for row in csv.DictReader(file) if row["chain_id"] == "bob"}
    assert ours
    assert ours.items() <= listed.items()


def test_recorded_peg_outs_fall_under_the_rule_that_counts_wei(recording):
    """All of them are after Lovell; the recorded amounts are whole satoshi in coins."""
    recorded = json.loads(recording("rootstock/samples/atlas_powpeg_pegouts.json").read_text(encoding="utf-8"))
    rules = [one for one in SEEDS.bridge_contracts if (one.bridge_id, one.kind) == ("rootstock_powpeg", "withdrawal")]
    units = {
        rule.raw_unit
        for row in recorded
        for rule in rules
        if rule.from_block <= row["block_number"] <= (rule.to_block or row["block_number"])
    }
    assert len(recorded) > 200
    assert units == {"wei"}
