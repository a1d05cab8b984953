"""Recorded answers of Rootstock's nodes and explorers: logs, headers and transfers as others have read them.

Belongs here: answers read where they lie. Not here: declarations against published ABIs (test_recorded_bridges.py).
"""

from __future__ import annotations

import csv
import json
from decimal import ROUND_DOWN, Decimal
from typing import Any

import pytest
from eth_abi.abi import decode as abi_decode
from evm_answers import HASH, TX, log, logs_of, read
from pages import SEEDS

from pipelines.evm.bridge_logs import states, transfers
from pipelines.evm.decode import decode
from pipelines.evm.logs import read_headers, read_logs
from pipelines.evm.signatures import Event
from pipelines.feeds.evm_bridges import EvmBridgeEvents

POWPEG = "0x0000000000000000000000000000000001000006"
REMASC = "0x0000000000000000000000000000000001000008"
REQUEST = "release_request_received(address,string,uint256)"
SAMPLES = "rootstock/samples"
ROOTSTOCK = 30
LOVELL = 7_338_024
"""From this height on, peg-out requests are in wei."""
COMPLETE = {"blockHash": HASH, "transactionHash": TX, "logIndex": "0x0", "address": POWPEG}
"""What excerpts leave out of their logs."""


def bodied(result: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": ROOTSTOCK * 100, "result": result}).encode()


@pytest.fixture(scope="module")
def powpeg_events(recording) -> dict[str, Event]:
    """topic0 -> event of the published ABI, and the older peg-out request that it has no more."""
    abi = json.loads(recording("rootstock/bridge.abi.json").read_text(encoding="utf-8"))
    declared = ["release_request_received(address indexed sender, bytes btcDestinationAddress, uint256 amount)"]
    for entry in abi:
        if entry["type"] == "event":
            inputs = [f"{one['type']} {'indexed ' * one['indexed']}{one['name']}" for one in entry["inputs"]]
            declared.append(f"{entry['name']}({', '.join(inputs)})")
    return {event.topic0: event for event in map(Event.parse, declared)}


def test_topics_are_computed_as_the_compiled_list_has_them(recording):
    with recording("evm_events/event_topics.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if "UNVERIFIED" not in row["source"] + row["status"]]
    assert len(rows) > 80
    for row in rows:
        event = Event.parse(row["full_declaration"])
        assert (event.signature, event.topic0) == (row["signature"], row["topic0"])


def as_eth_abi_reads(event: Event, one: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a recorded log, each decoded by eth-abi."""
    topics = [bytes.fromhex(topic[2:]) for topic in one["topics"][1:]]
    values = {
        argument.name: abi_decode([argument.type], topic)[0]
        for argument, topic in zip(event.indexed, topics, strict=True)
    }
    inner = abi_decode([argument.type for argument in event.in_data], bytes.fromhex(one["data"][2:]))
    values |= {argument.name: value for argument, value in zip(event.in_data, inner, strict=True)}
    return {name: "0x" + value.hex() if isinstance(value, bytes) else value for name, value in values.items()}


def test_recorded_logs_of_the_bridge_decode_exactly(recording, powpeg_events):
    receipts = json.loads(recording(f"{SAMPLES}/bridge_parser_receipts.json").read_text(encoding="utf-8"))
    excerpt = json.loads(recording(f"{SAMPLES}/rsk_testnet_rpc_excerpt.json").read_text(encoding="utf-8"))
    logs = [
        COMPLETE | {"blockNumber": hex(receipt["blockNumber"])} | one
        for receipt in receipts["txReceipts"]
        for one in receipt["logs"]
    ]
    logs += [one for name, value in excerpt.items() if name.startswith("receipt_") for one in value["logs"]]
    frame = read_logs(bodied(logs))
    assert frame["fault"].null_count() == len(logs)
    decoded = set()
    for place, one in enumerate(logs):
        if event := powpeg_events.get(one["topics"][0]):
            [row] = decode(event, frame.slice(place, 1)).to_dicts()
            assert row.pop("fault") is None
            assert {name: row[name] for name in as_eth_abi_reads(event, one)} == as_eth_abi_reads(event, one)
            decoded.add(event.name)
    assert decoded == {
        "commit_federation",
        "update_collections",
        "release_requested",
        "pegout_transaction_created",
        "batch_pegout_created",
        "lock_btc",
        "release_request_received",
    }


def test_a_recorded_request_has_the_amount_of_its_transaction(recording, powpeg_events):
    excerpt = json.loads(recording(f"{SAMPLES}/rsk_testnet_rpc_excerpt.json").read_text(encoding="utf-8"))
    logs = excerpt["receipt_release_request_received_legacy"]["logs"]
    sent = excerpt["tx_release_request_received_legacy"]
    [row] = decode(powpeg_events[logs[0]["topics"][0]], read_logs(bodied(logs))).to_dicts()
    assert row["amount"] * 10**10 == int(sent["value"], 16)
    assert (row["sender"], row["btcDestinationAddress"]) == (sent["from"], "0xf368afd023d5da4e56ba8e00ccc1a20af880bc7f")


def in_hex(value: Any) -> Any:
    """An explorer's copy of an answer as the node gave it: whole numbers in hex."""
    if isinstance(value, dict):
        return {name: in_hex(one) for name, one in value.items()}
    if isinstance(value, list):
        return [in_hex(one) for one in value]
    return hex(value) if isinstance(value, int) and not isinstance(value, bool) else value


@pytest.mark.parametrize("number", [419_999, 798_248])
def test_logs_of_remasc_are_read_and_are_no_events(recording, number):
    block = json.loads(recording(f"{SAMPLES}/explorer_api_block_{number}.json").read_text(encoding="utf-8"))
    body = bodied([in_hex(one) for sent in block["transactions"] for one in sent["receipt"]["logs"]])
    frame = read_logs(body)
    assert frame["fault"].null_count() == frame.height
    mining = [row for row in frame.to_dicts() if row["contract_address"] == REMASC]
    assert len(mining) >= 2
    assert {bytes.fromhex(row["topic0"][2:]).lstrip(b"\0") for row in mining} == {b"mining_fee_topic"}
    assert transfers(frame, SEEDS.bridge_contracts, SEEDS).is_empty()
    assert states(frame, SEEDS.bridge_contracts, SEEDS).is_empty()


@pytest.mark.parametrize("number", [419_999, 798_248])
def test_headers_of_the_explorer_say_what_their_transactions_paid(recording, number):
    block = json.loads(recording(f"{SAMPLES}/explorer_api_block_{number}.json").read_text(encoding="utf-8"))
    [row] = read_headers(bodied(in_hex(block["block"]))).to_dicts()
    paid = sum(sent["receipt"]["gasUsed"] * int(sent["gasPrice"], 16) for sent in block["transactions"])
    assert (row["block_number"], row["fault"], row["base_fee_wei"]) == (number, None, None)
    assert (row["tx_count"], row["paid_fees_wei"]) == (len(block["transactions"]), paid)


def test_a_recorded_block_with_whole_transactions_of_an_old_node_is_read(recording):
    [row] = read_headers(recording(f"{SAMPLES}/eth_getBlockByNumber_full_0x3e852.json").read_bytes()).to_dicts()
    assert (row["block_number"], row["tx_count"], row["gas_used"], row["fault"]) == (0x3E852, 4, 0x4C593, None)
    assert row["block_hash"] == "0x40211ed94dc53c34b0acbd0c42fd6dc768e4ea988bb24035dca5aeb1734a0f94"


def recorded_amounts(recording, name: str) -> list[tuple[int, str, Decimal]]:
    """Height, account and amount in RBTC of each transfer that a third party decoded."""
    rows = json.loads(recording(f"{SAMPLES}/{name}.json").read_text(encoding="utf-8"), parse_float=Decimal)
    account = "to_address" if "to_address" in rows[0] else "from_address"
    return [(row["block_number"], row[account], Decimal(row["value_rbtc"])) for row in rows]


def amounts_read(logs: list[dict[str, Any]], first: int, last: int) -> list[tuple[int, str, Decimal]]:
    found = read(EvmBridgeEvents, logs_of(ROOTSTOCK, ["rootstock_powpeg"], first, last), logs)
    assert found.rejected.is_empty()
    return [
        (row["block_number"], row["account_evm"], row["amount_raw"].scaleb(-row["raw_decimals"]))
        for row in found.rows.sort("log_index").to_dicts()
    ]


def test_recorded_peg_ins_have_their_amounts_at_every_height(recording):
    recorded = recorded_amounts(recording, "atlas_powpeg_pegins")
    assert len(recorded) > 100
    for shift in (0, LOVELL - 9_500_000):
        moved = [(block + shift, account, amount) for block, account, amount in recorded]
        logs = [
            log(POWPEG, "pegin_btc", account, bytes(32), int(amount * 10**8), 1, block=block, index=n)
            for n, (block, account, amount) in enumerate(moved)
        ]
        assert amounts_read(logs, 3_700_000, 10_000_000) == moved


def test_recorded_peg_outs_have_their_amounts_on_both_sides_of_the_change_of_unit(recording):
    recorded = recorded_amounts(recording, "atlas_powpeg_pegouts")
    assert len(recorded) > 200
    assert min(block for block, _, _ in recorded) >= LOVELL
    whole = [amount.quantize(Decimal("1e-8"), ROUND_DOWN) for _, _, amount in recorded]
    before = [(LOVELL - 1 - n, account, whole[n]) for n, (_, account, _) in enumerate(recorded)]
    for sides, units in ((recorded, 10**18), (before, 10**8)):
        logs = [
            log(POWPEG, REQUEST, account, "", int(amount * units), block=block, index=n)
            for n, (block, account, amount) in enumerate(sides)
        ]
        assert amounts_read(logs, 5_500_000, 10_000_000) == sides
