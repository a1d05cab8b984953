"""Bridge events, their states, headers and balances: from the answers of nodes to rows of their tables."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from evm_answers import FETCHED_AT, HASH, TX, answer, calls, log, logs_of, read
from pages import SEEDS

from pipelines.feeds.base import Feed
from pipelines.feeds.evm_bridges import EvmBalances, EvmBlocks, EvmBridgeEvents, EvmBridgeStatus
from pipelines.wire import BodyRefused, Outcome, Request

ROOTSTOCK, BOB, MERLIN = 30, 60808, 4200
USER = "0x" + "12" * 20
POWPEG = "0x0000000000000000000000000000000001000006"
FASTBTC = "0x1a8e78b41bc5ab9ebb6996136622b9b41a601b5c"
FLYOVER = "0xaa9caf1e3967600578727f975f283446a3da6612"
WBTC = "0x03c7054bcb39f7b2e5b2c7acb37583e32d70cfa3"
GATEWAY = "0x587e6e2b280c70ec811a371671d3cbe9d7b9f691"
LOVELL = 7_338_024
REQUEST, OLD_REQUEST = (f"release_request_received(address,{kind},uint256)" for kind in ("string", "bytes"))


def rows(kind: type[Feed], request: Request, *results: Any) -> list[dict[str, Any]]:
    return read(kind, request, *results).rows.to_dicts()


def test_a_peg_in_is_a_deposit_in_satoshis():
    pegin = log(POWPEG, "pegin_btc", USER, b"\x05" * 32, 250_000_000, 1, index=3)
    [row] = rows(EvmBridgeEvents, logs_of(ROOTSTOCK, ["rootstock_powpeg"]), [pegin])
    assert row == {
        "chain_id": "rootstock",
        "block_number": 6_000_000,
        "log_index": 3,
        "bridge_id": "rootstock_powpeg",
        "event_name": "pegin_btc",
        "direction": "deposit",
        "transfer_id": None,
        "amount_raw": Decimal(250_000_000),
        "fee_raw": None,
        "raw_unit": "sats",
        "raw_decimals": 8,
        "amount_text": "250000000",
        "is_overflow": False,
        "token_address": None,
        "account_evm": USER,
        "account_btc": None,
        "btc_txid": "05" * 32,
        "btc_vout": None,
        "tx_hash": TX,
        "block_at": None,
        "source_id": "evm_rpc",
        "fetch_id": "f1",
        "locator": "/result/0",
        "fetched_at": FETCHED_AT,
    }


def test_one_event_changes_its_unit_at_a_height():
    asked = logs_of(ROOTSTOCK, ["rootstock_powpeg"], LOVELL - 10, LOVELL + 10)
    pegouts = [
        log(POWPEG, REQUEST, USER, "bc1q", 5 * 10**8, block=LOVELL - 1),
        log(POWPEG, REQUEST, USER, "bc1q", 5 * 10**18, block=LOVELL),
    ]
    before, after = rows(EvmBridgeEvents, asked, pegouts)
    assert [(one["raw_unit"], one["raw_decimals"]) for one in (before, after)] == [("sats", 8), ("wei", 18)]
    assert before["amount_raw"] / 10**8 == after["amount_raw"] / 10**18 == 5
    assert {one["transfer_id"] for one in (before, after)} == {TX}


def test_a_request_of_the_older_form_has_its_address_as_bytes():
    asked = logs_of(ROOTSTOCK, ["rootstock_powpeg"], 4_000_000, 4_000_010)
    old = log(POWPEG, OLD_REQUEST, USER, b"\x0a" * 20, 7, block=4_000_000)
    [row] = rows(EvmBridgeEvents, asked, [old])
    assert (row["direction"], row["amount_raw"], row["account_btc"]) == ("withdrawal", 7, None)


def test_amount_and_fee_stand_side_by_side():
    paid = log(FASTBTC, "NewBitcoinTransfer", b"\x01" * 32, "bc1qxyz", 9, 99_000, 1_000, USER)
    [row] = rows(EvmBridgeEvents, logs_of(ROOTSTOCK, ["sovryn_fastbtc"]), [paid])
    assert (row["amount_raw"], row["fee_raw"], row["account_btc"]) == (99_000, 1_000, "bc1qxyz")
    assert row["transfer_id"] == "0x" + "01" * 32


def test_states_are_told_by_number_or_by_the_event_itself():
    asked = logs_of(ROOTSTOCK, ["sovryn_fastbtc", "rootstock_powpeg"])
    told = [
        log(FASTBTC, "BitcoinTransferStatusUpdated", b"\x01" * 32, 4, index=1),
        log(FASTBTC, "BitcoinTransferStatusUpdated", b"\x02" * 32, 3, index=2),
        log(POWPEG, "release_request_rejected", USER, 5, 1, index=3),
        log(POWPEG, "pegin_btc", USER, b"\x05" * 32, 7, 1, index=4),
    ]
    states = {row["log_index"]: (row["transfer_id"], row["status"]) for row in rows(EvmBridgeStatus, asked, told)}
    assert states == {
        1: ("0x" + "01" * 32, "refunded"),
        2: ("0x" + "02" * 32, "mined"),
        3: (TX, "rejected"),
    }
    assert [row["log_index"] for row in rows(EvmBridgeEvents, asked, told)] == [4]


def test_a_number_that_is_no_known_state_is_set_aside():
    told = [log(FASTBTC, "BitcoinTransferStatusUpdated", b"\x01" * 32, code, index=code) for code in (1, 9)]
    read_ = read(EvmBridgeStatus, logs_of(ROOTSTOCK, ["sovryn_fastbtc"]), told)
    assert read_.rows["status"].to_list() == ["new"]
    assert read_.rejected["reason"].to_list() == ["newStatus is a number without a status in seeds.bridge_status_codes"]


def test_an_event_counts_only_where_its_condition_holds():
    told = [
        log(FLYOVER, "CallForUser", USER, USER, 1, 10**16, b"", success, b"\x03" * 32, index=n)
        for n, success in enumerate((True, False))
    ]
    found = read(EvmBridgeEvents, logs_of(ROOTSTOCK, ["rootstock_flyover"]), told)
    assert found.rows["log_index"].to_list() == [0]
    assert found.rejected.is_empty()


def test_transfers_of_a_token_are_a_bridges_only_where_one_of_its_own_sends_them():
    told = [log(WBTC, "Transfer", sender, USER, 5, index=n) for n, sender in enumerate((GATEWAY, USER))]
    unfiltered = logs_of(BOB, ["bob_gateway_v1"])
    [row] = rows(EvmBridgeEvents, unfiltered, told)
    assert (row["log_index"], row["bridge_id"]) == (0, "bob_gateway_v1")
    assert (row["raw_unit"], row["raw_decimals"]) == ("token", 8)
    assert row["token_address"] == WBTC


def test_a_token_transfer_with_an_id_is_no_transfer_of_an_amount():
    of_amount = log(WBTC, "Transfer", GATEWAY, USER, 5)
    of_id = of_amount | {"topics": [*of_amount["topics"], HASH], "data": "0x", "logIndex": "0x1"}
    found = read(EvmBridgeEvents, logs_of(BOB, ["bob_gateway_v1"]), [of_amount, of_id])
    assert found.rows["log_index"].to_list() == [0]
    assert found.rejected["reason"].to_list() == ["not 3 topics of 32 bytes"]
    assert json.loads(found.rejected["row_json"][0])["topic3"] == HASH


def test_an_amount_of_256_bits_is_exact_as_text():
    told = [log(WBTC, "Transfer", GATEWAY, USER, value, index=n) for n, value in enumerate((2**256 - 1, 10**38 - 1))]
    huge, large = rows(EvmBridgeEvents, logs_of(BOB, ["bob_gateway_v1"]), told)
    assert (huge["amount_raw"], huge["amount_text"], huge["is_overflow"]) == (None, str(2**256 - 1), True)
    assert (large["amount_raw"], large["is_overflow"]) == (Decimal(10**38 - 1), False)


@pytest.mark.parametrize("amount", [-5, -(2**255)])
def test_a_negative_amount_is_set_aside(amount):
    told = [log(POWPEG, "pegin_btc", USER, b"\x05" * 32, value, 1, index=n) for n, value in enumerate((7, amount))]
    found = read(EvmBridgeEvents, logs_of(ROOTSTOCK, ["rootstock_powpeg"]), told)
    assert found.rows["amount_raw"].to_list() == [7]
    assert found.rejected["reason"].to_list() == ["amount is negative"]


def test_a_fee_that_no_column_holds_and_an_output_that_is_none_are_set_aside():
    wallet = "0xe43cafbdd6674df708ce9dff8762af356c2b454d"
    told = [
        log(wallet, "NewBitcoinTransferIncoming", USER, 5, fee, b"\x06" * 32, output, index=n)
        for n, (fee, output) in enumerate(((1, 0), (10**38, 0), (1, 2**31)))
    ]
    found = read(EvmBridgeEvents, logs_of(ROOTSTOCK, ["sovryn_fastbtc"]), told)
    assert [(row["fee_raw"], row["btc_vout"], row["btc_txid"]) for row in found.rows.to_dicts()] == [(1, 0, "06" * 32)]
    assert found.rejected["reason"].to_list() == [
        "feeWei has more than 38 digits",
        "btcTxVout is no number of an output",
    ]


def test_a_log_that_cannot_be_read_is_set_aside_with_the_events_too():
    good = log(POWPEG, "pegin_btc", USER, b"\x05" * 32, 7, 1)
    odd = good | {"data": good["data"][:-1], "logIndex": "0x1"}
    high = good | {"blockNumber": "sixth", "logIndex": "0x2"}
    found = read(EvmBridgeEvents, logs_of(ROOTSTOCK, ["rootstock_powpeg"]), [good, odd, high])
    assert found.rows["log_index"].to_list() == [0]
    reasons = set(found.rejected["reason"])
    assert reasons == {"data is not whole bytes of hex", "blockNumber is no hex quantity"}


def test_logs_of_other_contracts_events_and_heights_are_no_events():
    pegin = log(POWPEG, "pegin_btc", USER, b"\x05" * 32, 7, 1)
    strangers = [
        pegin | {"address": USER},
        pegin | {"topics": [HASH, *pegin["topics"][1:]]},
        pegin | {"topics": []},
        log(POWPEG, "lock_btc", USER, b"\x05" * 32, "bc1", 7),
    ]
    asked = logs_of(ROOTSTOCK, ["rootstock_powpeg"])
    assert rows(EvmBridgeEvents, asked, strangers) == []
    assert rows(EvmBridgeStatus, asked, []) == []


def test_only_the_bridges_that_were_asked_for_in_full_are_read():
    """What is not covered is not replaced, so that it may not be inserted either."""
    asked = logs_of(ROOTSTOCK, ["sovryn_fastbtc"])
    pegin = log(POWPEG, "pegin_btc", USER, b"\x05" * 32, 7, 1)
    assert rows(EvmBridgeEvents, asked, [pegin]) == []


@pytest.mark.parametrize("kind", [EvmBridgeEvents, EvmBridgeStatus])
def test_an_answer_covers_the_blocks_of_its_question_for_every_bridge_in_it(kind):
    asked = logs_of(ROOTSTOCK, ["rootstock_powpeg", "sovryn_fastbtc"])
    covered = kind(SEEDS).covers(asked, answer(asked, [[]]), pl.DataFrame())
    assert sorted(covered.rows()) == [
        ("rootstock_powpeg", None, None, 5_900_000, 6_100_000),
        ("sovryn_fastbtc", None, None, 5_900_000, 6_100_000),
    ]


def header(number: int) -> dict[str, Any]:
    return {
        "number": hex(number),
        "timestamp": hex(1_704_067_200 + number),
        "hash": HASH,
        "parentHash": HASH,
        "transactions": [HASH],
        "gasUsed": "0x1",
        "paidFees": "0x0de0b6b3a7640000",
    }


def test_headers_are_blocks_of_their_chain():
    asked = calls(MERLIN, ("eth_getBlockByNumber", ["0x5", False]), ("eth_getBlockByNumber", ["finalized", False]))
    found = read(EvmBlocks, asked, header(5), header(9))
    assert found.rows.select("chain_id", "block_number", "paid_fees_wei", "locator").rows() == [
        ("merlin", 5, Decimal(10**18), "/0/result"),
        ("merlin", 9, Decimal(10**18), "/1/result"),
    ]
    covered = EvmBlocks(SEEDS).covers(asked, answer(asked, [header(5), header(9)]), found.rows)
    assert covered.rows() == [("merlin", None, None, 5, 5), ("merlin", None, None, 9, 9)]


def test_a_chain_without_a_seed_is_refused():
    asked = calls(999_999, ("eth_getBlockByNumber", ["0x5", False]))
    with pytest.raises(BodyRefused) as refusal:
        read(EvmBlocks, asked, header(5))
    assert refusal.value.outcome is Outcome.WRONG_CHAIN


def test_a_balance_is_of_the_account_and_block_that_were_asked_for():
    asked = calls(
        ROOTSTOCK,
        ("eth_getBlockByNumber", ["0x5", False]),
        ("eth_getBalance", [POWPEG, "0x5"]),
        ("eth_getBlockByNumber", ["0x6", False]),
    )
    found = read(EvmBalances, asked, header(5), "0x115e198f9963e3e619b593", header(6))
    [row] = found.rows.to_dicts()
    assert (row["chain_id"], row["account"], row["block_number"]) == ("rootstock", POWPEG, 5)
    assert row["balance_wei"] == Decimal(0x115E198F9963E3E619B593)
    assert (row["block_at"], row["locator"]) == (datetime.fromisoformat("2024-01-01T00:00:05"), "/1/result")
    covered = EvmBalances(SEEDS).covers(asked, answer(asked, [None, "0x1", None]), found.rows)
    assert covered.rows() == [(POWPEG, None, None, 5, 5)]


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        (EvmBlocks, "eth_getBlockByNumber"),
        (EvmBalances, "eth_getBalance"),
        (EvmBridgeEvents, "eth_getLogs"),
        (EvmBridgeStatus, "eth_getLogs"),
    ],
)
def test_each_table_reads_the_answers_to_one_method(kind, method):
    feed = kind(SEEDS)
    methods = ("eth_chainId", "eth_getBlockByNumber", "eth_getBalance", "eth_getLogs")
    assert [one for one in methods if feed.is_read(calls(ROOTSTOCK, (one, [])))] == [method]
    assert not feed.is_read(Request.get("https://node.test"))
