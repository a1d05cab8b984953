"""Decoding of logs against eth-abi, and the logs that are malformed."""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from typing import Any

import polars as pl
import pytest
from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import DecodingError
from eth_abi.tools import get_abi_strategy
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.evm.decode import decode
from pipelines.evm.signatures import Event
from pipelines.evm.words import text

TRANSFER = Event.parse("Transfer(address indexed from, address indexed to, uint256 value)")
NUMBERS = ("uint8", "uint64", "uint128", "uint136", "uint256", "int8", "int128", "int256")
STATIC = (*NUMBERS, "address", "bool", "bytes4", "bytes32")
DYNAMIC = ("bytes", "string")
NOTE = Event.parse("Note(uint256 number, string text, bytes content)")


def logs(event: Event, *rows: tuple[list[bytes], bytes]) -> pl.DataFrame:
    """Logs as nodes give them: the topics behind topic0, and the data."""
    columns: dict[str, list[str | None]] = {f"topic{n}": [] for n in range(4)} | {"data": []}
    for topics, data in rows:
        words = [event.topic0, *("0x" + topic.hex() for topic in topics)]
        for n in range(4):
            columns[f"topic{n}"].append(words[n] if n < len(words) else None)
        columns["data"].append("0x" + data.hex())
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def expected(event: Event, values: list[Any]) -> dict[str, Any]:
    """What the values of an event's arguments look like in columns."""
    row: dict[str, Any] = {}
    for argument, value in zip(event.arguments, values, strict=True):
        if argument.is_number:
            row[argument.name] = Decimal(value) if abs(value) < 10**38 else None
            row[f"{argument.name}_text"] = str(value)
        else:
            row[argument.name] = "0x" + value.hex() if isinstance(value, bytes) else value
            row[argument.name] = value.lower() if argument.type == "address" else row[argument.name]
    return row


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Events of one to five arguments, of which some of the first three may be indexed."""
    texts = []
    for n, kind in enumerate(draw(st.lists(st.sampled_from((*STATIC, *DYNAMIC)), min_size=1, max_size=5))):
        is_indexed = kind in STATIC and n < 3 and draw(st.booleans())
        texts.append(f"{kind} {'indexed ' if is_indexed else ''}a{n}")
    return Event.parse(f"Any({', '.join(texts)})")


def encoded(event: Event, values: list[Any]) -> tuple[list[bytes], bytes]:
    """Topics and data of a log with these values."""
    pairs = list(zip(event.arguments, values, strict=True))
    topics = [abi_encode([argument.type], [value]) for argument, value in pairs if argument.is_indexed]
    inner = [(argument.type, value) for argument, value in pairs if not argument.is_indexed]
    return topics, abi_encode([kind for kind, _ in inner], [value for _, value in inner])


def values_of(draw: st.DrawFn, event: Event) -> list[Any]:
    return [draw(get_abi_strategy(argument.type)) for argument in event.arguments]


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_what_eth_abi_encodes_is_read_back_exactly(data):
    event = data.draw(events())
    rows = [values_of(data.draw, event) for _ in range(data.draw(st.integers(1, 4)))]
    read = decode(event, logs(event, *(encoded(event, values) for values in rows)))
    assert read["fault"].to_list() == [None] * len(rows)
    assert read.drop("fault").to_dicts() == [expected(event, values) for values in rows]


def answered(event: Event, data: bytes, *, strict: bool) -> dict[str, Any] | None:
    """What eth-abi reads in the data; None where it refuses them."""
    try:
        values = abi_decode([argument.type for argument in event.arguments], data, strict=strict)
    except (DecodingError, UnicodeDecodeError, OverflowError):
        return None
    return expected(event, list(values))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_data_are_refused_or_read_as_eth_abi_reads_them(data):
    kinds = data.draw(st.lists(st.sampled_from((*STATIC, *DYNAMIC)), min_size=1, max_size=4))
    event = Event.parse(f"Any({', '.join(f'{kind} a{n}' for n, kind in enumerate(kinds))})")
    body = bytearray(encoded(event, values_of(data.draw, event))[1])
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place] = data.draw(st.sampled_from((0, 1, 32, 64, 127, 128, 255)))
    damaged = bytes(body[: data.draw(st.integers(0, len(body)))] if data.draw(st.booleans()) else body)
    [row] = decode(event, logs(event, ([], damaged))).to_dicts()
    fault = row.pop("fault")
    strictly, loosely = (answered(event, damaged, strict=strict) for strict in (True, False))
    if strictly is not None:
        assert (fault, row) == (None, strictly)
    elif loosely is None:
        assert fault is not None
    elif fault is None:
        assert row == loosely


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("uint256", 2**256 - 1),
        ("uint256", 2**255),
        ("uint256", 2**128),
        ("uint256", 2**127),
        ("uint256", 10**38),
        ("uint256", 10**38 - 1),
        ("uint256", 2**64),
        ("uint256", 0),
        ("int256", -1),
        ("int256", -(2**255)),
        ("int256", 2**255 - 1),
        ("int256", -(2**127)),
        ("int256", -(2**127) - 1),
        ("int256", -(10**38)),
        ("int256", 1 - 10**38),
        ("int64", -(2**63)),
    ],
)
def test_numbers_are_exact_at_every_edge(kind, value):
    event = Event.parse(f"Any({kind} a, {kind} b)")
    [row] = decode(event, logs(event, encoded(event, [value, 7]))).to_dicts()
    assert row == expected(event, [value, 7]) | {"fault": None}


def test_an_erc_721_transfer_is_no_erc_20_transfer():
    ids = [bytes(31) + bytes([n]) for n in (1, 2, 3)]
    of_token = (ids, b"")
    of_amount = (ids[:2], bytes(31) + b"\x05")
    read = decode(TRANSFER, logs(TRANSFER, of_token, of_amount))
    assert read["fault"].to_list() == ["not 3 topics of 32 bytes", None]
    assert read["value"].to_list()[1] == 5


@pytest.mark.parametrize(
    ("topics", "data", "said"),
    [
        ([bytes(32)], bytes(32), "not 3 topics of 32 bytes"),
        ([bytes(32), bytes(31)], bytes(32), "not 3 topics of 32 bytes"),
        ([bytes(32), bytes(32)], bytes(31), "data is shorter than 1 words"),
        ([bytes(32), bytes(32)], b"", "data is shorter than 1 words"),
        ([b"\x01" + bytes(31), bytes(32)], bytes(32), "from is no address: its first 12 bytes are not zero"),
    ],
)
def test_a_malformed_transfer_says_why(topics, data, said):
    assert decode(TRANSFER, logs(TRANSFER, (topics, data)))["fault"].to_list() == [said]


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([1, 32, 96, 0], "text does not lie within the data as UTF-8"),
        ([1, 2**40, 96, 0], "text does not lie within the data as UTF-8"),
        ([1, 96, 2**255, 0], "content does not lie within the data"),
        ([1, 96, 96, 1], "text does not lie within the data as UTF-8"),
        ([1, 96, 128, 0], "content does not lie within the data"),
    ],
)
def test_offsets_and_counts_must_lie_within_the_data(words, said):
    data = b"".join(word(number) for number in words)
    assert decode(NOTE, logs(NOTE, ([], data)))["fault"].to_list() == [said]


def test_text_that_is_no_utf_8_is_a_fault_and_bytes_are_not():
    data = b"".join(word(number) for number in (1, 96, 160, 2)) + b"\xff\xfe" + bytes(30) + word(2) + b"\xff\xfe"
    [row] = decode(NOTE, logs(NOTE, ([], data))).to_dicts()
    assert row["fault"] == "text does not lie within the data as UTF-8"
    assert row["content"] == "0xfffe"


def test_bytes_need_no_padding_behind_them():
    data = b"".join(word(number) for number in (1, 96, 128, 0, 3)) + b"abc"
    [row] = decode(NOTE, logs(NOTE, ([], data))).to_dicts()
    assert row == {"number": 1, "number_text": "1", "text": "", "content": "0x616263", "fault": None}


def test_an_indexed_text_is_known_by_its_hash_only():
    event = Event.parse("Named(string indexed name)")
    assert decode(event, logs(event, ([b"\xab" * 32], b"")))["name"].to_list() == ["0x" + "ab" * 32]


def test_no_logs_decode_to_no_rows_of_the_right_types():
    read = decode(NOTE, logs(NOTE))
    assert read.schema == {
        "number": pl.Decimal(38, 0),
        "number_text": pl.String,
        "text": pl.String,
        "content": pl.String,
        "fault": pl.String,
    }


def test_decoding_does_not_depend_on_the_company_of_a_log():
    """A number beyond 128 bits is read another way than its neighbours."""
    values = [2**200, 5, 2**200, 10**38, 0]
    read = decode(TRANSFER, logs(TRANSFER, *(([bytes(32), bytes(32)], word(value)) for value in values)))
    assert read["value_text"].to_list() == [str(value) for value in values]
    assert read["value"].to_list() == [None, 5, None, None, 0]


def test_text_is_utf_8_exactly_where_python_says_so():
    edges = (0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF)
    given = [bytes(chosen) for size in range(4) for chosen in product(edges, repeat=size)]
    given += [lead + bytes(rest) for lead in (b"\xf0", b"\xf1", b"\xf4") for rest in product(edges[2:8], repeat=3)]
    read = pl.DataFrame({"hex": [one.hex() for one in given]}).select(text(pl.col("hex"))).to_series().to_list()
    assert read == [spelled(one) for one in given]


def spelled(one: bytes) -> str | None:
    try:
        return one.decode()
    except UnicodeDecodeError:
        return None
