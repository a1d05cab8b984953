"""Values of Clarity, from hex: known ones, every type, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.feeds.clarity import ClarityError, Err, Ok, decode

NOBODY = "00" * 20


def test_sixty_million_stx_in_an_ok_response():
    assert decode("0x0701000000000000000000003691d6afc000") == Ok(60_000_000 * 10**6)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0x0100000000000000000000000000000001", 1),
        ("0x00ffffffffffffffffffffffffffffffff", -1),
        ("0x01ffffffffffffffffffffffffffffffff", 2**128 - 1),
        ("0x0200000002beef", b"\xbe\xef"),
        ("0x03", True),
        ("0x04", False),
        ("0x0516" + NOBODY, "SP000000000000000000002Q6VF78"),
        ("0x051a" + NOBODY, "ST000000000000000000002AMW42H"),
        ("0x0616" + NOBODY + "05706f782d34", "SP000000000000000000002Q6VF78.pox-4"),
        ("0x0703", Ok(True)),
        ("0x0804", Err(False)),
        ("0x09", None),
        ("0x0a03", True),
        ("0x0b000000020304", [True, False]),
        ("0x0c00000002016103016204", {"a": True, "b": False}),
        ("0x0d000000026869", "hi"),
        ("0x0e00000003e282bf", "\u20bf"),
        ("070C0000000101610A03", Ok({"a": True})),
    ],
)
def test_a_value_of_each_type(text, value):
    assert decode(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0x",
        "0x0",
        "0xzz",
        "0x 3",
        "0x0f",
        "0x01",
        "0x0100",
        "0x0303",
        "0x0200000009ff",
        "0x0bffffffff",
        "0x0c0000000101",
        "0x0d00000001ff",
        "0x0540" + NOBODY,
        "0x" + "07" * 5_000 + "03",
    ],
)
def test_what_is_not_the_hex_of_one_value_is_refused(text):
    with pytest.raises(ClarityError):
        decode(text)


@given(st.integers(0, 2**128 - 1))
def test_a_uint_is_its_sixteen_bytes(number):
    assert decode(f"0x01{number:032x}") == number


@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_refused_by_name(data):
    try:
        decode(data.hex())
    except ClarityError as refused:
        assert str(refused)
