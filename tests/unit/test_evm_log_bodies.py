"""Bodies of JSON-RPC answers: logs, headers and balances, in every form that nodes give them."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.evm.logs import read_balances, read_headers, read_logs
from pipelines.wire import BodyRefused, Outcome

HASH = "0x" + "ab" * 32
BRIDGE = "0x0000000000000000000000000000000001000006"
LOG = {
    "address": BRIDGE,
    "topics": [HASH, "0x" + "0" * 64],
    "data": "0x" + "00" * 32,
    "blockNumber": "0x5b8d80",
    "blockHash": HASH,
    "transactionHash": HASH,
    "transactionIndex": "0x1",
    "logIndex": "0x2",
    "removed": False,
}
HEADER = {
    "number": "0x5b8d80",
    "timestamp": "0x65920080",
    "hash": HASH,
    "parentHash": HASH,
    "transactions": [HASH, HASH],
    "gasUsed": "0x5208",
}


def answer(result: Any, call_id: int = 3000) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": call_id, "result": result}


def body(document: Any) -> bytes:
    return json.dumps(document).encode()


def faults(*rows: Any) -> list[str | None]:
    """What is wrong with each of these logs; a good one stands before them."""
    read = read_logs(body(answer([LOG, *rows])))
    assert read["fault"][0] is None
    return read["fault"].to_list()[1:]


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in LOG.items() if key != name}


def test_a_log_is_read_into_typed_columns():
    [row] = read_logs(body(answer([LOG | {"blockTimestamp": "0x65920080"}]))).to_dicts()
    assert row == {
        "block_number": 6_000_000,
        "log_index": 2,
        "tx_hash": HASH,
        "tx_index": 1,
        "block_hash": HASH,
        "contract_address": BRIDGE,
        "topic0": HASH,
        "topic1": "0x" + "0" * 64,
        "topic2": None,
        "topic3": None,
        "data": "0x" + "00" * 32,
        "block_at": datetime.fromisoformat("2024-01-01"),
        "locator": "/result/0",
        "fault": None,
        "raw": None,
    }


def test_hex_is_told_in_lower_case_whatever_the_node_prints():
    [row] = read_logs(body(answer([LOG | {"address": "0xE43cafBDd6674DF708CE9DFF8762AF356c2B454d"}]))).to_dicts()
    assert row["contract_address"] == "0xe43cafbdd6674df708ce9dff8762af356c2b454d"


def test_an_answer_without_logs_has_no_rows_of_the_same_types():
    empty = read_logs(body(answer([])))
    assert empty.is_empty()
    assert empty.schema == read_logs(body(answer([LOG]))).schema


def test_a_batch_says_where_in_it_a_log_stood():
    batch = [answer([], 3000), answer([LOG, LOG | {"logIndex": "0x3"}], 3001), answer([LOG], 3002)]
    assert read_logs(body(batch))["locator"].to_list() == ["/1/result/0", "/1/result/1", "/2/result/0"]


def test_logs_are_found_among_results_of_other_calls():
    mixed = [answer("0x1e"), answer([LOG], 3001), answer(HEADER, 3002), answer(None, 3003)]
    assert read_logs(body(mixed))["locator"].to_list() == ["/1/result/0"]
    assert read_logs(body(mixed)).drop("locator").equals(read_logs(body(answer([LOG]))).drop("locator"))


def test_a_log_that_the_node_took_back_is_not_read():
    rows = [LOG | {"removed": True}, LOG | {"logIndex": "0x3"}, LOG | {"logIndex": "0x4", "removed": None}]
    assert read_logs(body(answer(rows)))["locator"].to_list() == ["/result/1", "/result/2"]


def test_old_nodes_leave_fields_out_and_print_leading_zeros():
    old = without("transactionIndex") | {"blockNumber": "0x003e851", "logIndex": "0x00"}
    old.pop("removed")
    [row] = read_logs(body(answer([old]))).to_dicts()
    assert (row["block_number"], row["log_index"], row["tx_index"], row["fault"]) == (0x3E851, 0, None, None)


def test_topics_of_raw_text_and_data_that_are_no_abi_are_kept_as_they_are():
    remasc = {"topics": ["0x" + b"mining_fee_topic".hex().rjust(64, "0")], "data": "0xd7860dfd4059ccc2"}
    [row] = read_logs(body(answer([LOG | remasc]))).to_dicts()
    assert (row["topic0"], row["data"], row["fault"]) == (remasc["topics"][0], remasc["data"], None)


def test_unknown_fields_and_missing_topics_are_no_fault():
    assert faults(LOG | {"l1Fee": {"a": [1]}}, LOG | {"topics": []}, LOG | {"topics": [HASH, None, None, None]}) == [
        None,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (LOG | {"blockNumber": "6000000"}, "blockNumber is no hex quantity"),
        (LOG | {"blockNumber": 6_000_000}, "blockNumber is no hex quantity"),
        (LOG | {"blockNumber": "0x" + "f" * 20}, "blockNumber is no hex quantity"),
        (LOG | {"blockNumber": None}, "blockNumber is no hex quantity"),
        (without("logIndex"), "logIndex is no hex quantity"),
        (LOG | {"transactionIndex": "0xzz"}, "transactionIndex is no hex quantity"),
        (LOG | {"blockTimestamp": "0x18cc251f400"}, "blockTimestamp is no time"),
        (LOG | {"transactionHash": HASH[:-1]}, "transactionHash is not 32 bytes of hex"),
        (LOG | {"blockHash": None}, "blockHash is not 32 bytes of hex"),
        (LOG | {"address": BRIDGE + "00"}, "address is not 20 bytes of hex"),
        (without("topics"), "no list of topics"),
        (LOG | {"topics": [HASH] * 5}, "more than four topics"),
        (LOG | {"topics": [HASH + "0"]}, "a topic is not whole bytes of hex"),
        (LOG | {"data": "0x123"}, "data is not whole bytes of hex"),
        (LOG | {"data": "00"}, "data is not whole bytes of hex"),
        (LOG | {"data": None}, "data is not whole bytes of hex"),
        (LOG | {"data": {"hex": "00"}}, "data is not whole bytes of hex"),
        (None, "blockNumber is no hex quantity"),
        ("log", "blockNumber is no hex quantity"),
    ],
)
def test_a_log_that_cannot_be_read_says_why_and_leaves_the_others_alone(row, said):
    assert faults(row) == [said]


def test_a_log_that_cannot_be_read_keeps_what_the_node_printed():
    read = read_logs(body(answer([LOG | {"data": "0x123", "blockNumber": 7}])))
    printed = json.loads(read["raw"][0])
    assert (printed["data"], printed["blockNumber"], printed["address"]) == ("0x123", "7", BRIDGE)


@pytest.mark.parametrize("reading", [read_logs, read_headers, read_balances])
@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (b'{"jsonrpc":"2.0","id":3000,"result":[{"address":"0x', Outcome.TRUNCATED),
        (b"", Outcome.TRUNCATED),
        (b"<html>Just a moment</html>", Outcome.TRUNCATED),
        (b'{"a":' * 5000, Outcome.TRUNCATED),
        (b'"ok"', Outcome.LAYOUT_CHANGED),
        (b"[1, 2]", Outcome.LAYOUT_CHANGED),
        (b'{"message": "welcome"}', Outcome.LAYOUT_CHANGED),
    ],
)
def test_a_body_that_is_no_answer_is_refused_by_name(reading, text, outcome):
    with pytest.raises(BodyRefused) as refusal:
        reading(text)
    assert refusal.value.outcome is outcome


@pytest.mark.parametrize("result", [None, "0x1", HEADER])
def test_an_answer_without_a_list_of_logs_is_not_one_without_logs(result):
    with pytest.raises(BodyRefused) as refusal:
        read_logs(body(answer(result)))
    assert refusal.value.outcome is Outcome.LAYOUT_CHANGED


def test_a_header_is_read_into_typed_columns():
    fees = {"baseFeePerGas": "0x7", "paidFees": "0x13880c1d1ff87c0000"}
    [row] = read_headers(body(answer(HEADER | fees))).to_dicts()
    assert row == {
        "block_number": 6_000_000,
        "block_at": datetime.fromisoformat("2024-01-01"),
        "block_hash": HASH,
        "parent_hash": HASH,
        "tx_count": 2,
        "gas_used": 21_000,
        "base_fee_wei": Decimal(7),
        "paid_fees_wei": Decimal(0x13880C1D1FF87C0000),
        "locator": "/result",
        "fault": None,
        "raw": None,
    }


def test_a_block_that_the_node_does_not_have_has_no_row():
    assert read_headers(body(answer(None))).is_empty()
    assert read_headers(body([answer(None), answer(HEADER, 3001)]))["locator"].to_list() == ["/1/result"]


def test_whole_transactions_in_a_block_are_counted_like_their_hashes():
    whole = HEADER | {"transactions": [{"hash": HASH, "v": None, "nonce": "0x03e851"}, {"hash": HASH}]}
    assert read_headers(body(answer(whole)))["tx_count"].to_list() == [2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"number": None}, "number is no hex quantity"),
        ({"timestamp": "2024-01-01"}, "timestamp is no time"),
        ({"timestamp": "0x18cc251f400"}, "timestamp is no time"),
        ({"hash": "0x12"}, "hash is not 32 bytes of hex"),
        ({"parentHash": None}, "parentHash is not 32 bytes of hex"),
        ({"gasUsed": 21000}, "gasUsed is no hex quantity"),
        ({"paidFees": "0x" + "f" * 40}, "paidFees is no hex quantity"),
    ],
)
def test_a_header_that_cannot_be_read_says_why(change, said):
    read = read_headers(body([answer(HEADER), answer(HEADER | change, 3001)]))
    assert read["fault"].to_list() == [None, said]


def test_balances_are_told_by_the_ids_of_their_calls():
    batch = [answer(HEADER), answer("0x115e198f9963e3e619b593", 3001), answer("0x", 3002), answer([LOG], 3003)]
    read = read_balances(body(batch))
    assert read.select("call_id", "balance_wei", "locator").rows() == [
        (3001, Decimal(0x115E198F9963E3E619B593), "/1/result"),
        (3002, None, "/2/result"),
    ]
    assert read["fault"].to_list() == [None, "the balance is no hex quantity of at most 38 digits"]


@pytest.mark.parametrize("topics", [[HASH], {"none": 0}])
def test_half_of_a_surrogate_is_a_fault_and_nothing_worse(topics):
    """By the quick way, and by the slow one that a strange value makes necessary."""
    text = body(answer([LOG, LOG | {"data": "HALF", "topics": topics}])).replace(b"HALF", b"\\ud800")
    first, second = read_logs(text)["fault"]
    assert first is None
    assert second is not None


NUMBERS = st.integers(-(2**70), 2**70) | st.floats()
ODD = st.none() | st.booleans() | NUMBERS | st.text(max_size=4) | st.just("0x1")
VALUES = st.recursive(ODD, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=3), one))


@settings(max_examples=120, deadline=None)
@given(
    reading=st.sampled_from((read_logs, read_headers, read_balances)),
    whole=st.sampled_from((LOG, HEADER, "0x5")),
    data=st.data(),
)
def test_whatever_a_node_says_is_read_or_refused_by_name(reading, whole, data):
    """A good result, with some value of it replaced by anything that JSON can say."""
    result: Any = whole
    if isinstance(whole, dict) and data.draw(st.booleans()):
        result = whole | {data.draw(st.sampled_from(sorted(whole))): data.draw(VALUES)}
    result = data.draw(st.sampled_from(([result], [LOG, result], result, data.draw(VALUES))))
    document = answer(result, data.draw(st.sampled_from((3000, "3000", None, 1.5))))
    try:
        read = reading(body(data.draw(st.sampled_from((document, [document], [answer([LOG]), document])))))
    except BodyRefused:
        return
    well_formed = read.filter(pl.col("fault").is_null())
    assert well_formed["locator"].is_unique().all()
    keys = {"block_number", "block_hash", "balance_wei"} & set(read.columns)
    assert well_formed.select(keys).null_count().sum_horizontal().sum() == 0
