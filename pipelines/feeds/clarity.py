"""Values of Clarity, the language of contracts on Stacks, from the hex in which nodes give them.

Belongs here: bytes to plain Python values.
Not here: which function was called, and what its value means.
Source: https://github.com/stacksgov/sips/blob/main/sips/sip-005/sip-005-blocks-and-transactions.md (Clarity values)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MOST_NESTED = 32
"""Clarity's own limit."""
WIDE_BYTES, LENGTH_BYTES, HASH_BYTES, CHECKSUM_BYTES = 16, 4, 20, 4
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
HEX_DIGITS = frozenset("0123456789abcdefABCDEF")


class ClarityError(ValueError):
    """Not the hex of one Clarity value: why."""


@dataclass(frozen=True)
class Ok:
    """A response that went well, and its value."""

    value: Any


@dataclass(frozen=True)
class Err:
    """A response that did not go well, and its value."""

    value: Any


def decode(text: str) -> Any:
    """The value of a hex text, with or without 0x.

    int and uint become int, bool bool, a buffer bytes, strings and principals str, a list a list, a tuple a dict,
    none None; of (some x) the x is given, and responses are `Ok` and `Err`. Raises `ClarityError`.
    """
    digits = text.removeprefix("0x")
    if len(digits) % 2 or not HEX_DIGITS.issuperset(digits):
        raise ClarityError(f"'{text[:40]}' is no hex of whole bytes")
    reader = _Reader(bytes.fromhex(digits))
    value = reader.value(MOST_NESTED)
    if reader.rest:
        raise ClarityError(f"{len(reader.rest)} bytes follow the value")
    return value


class _Reader:
    """The bytes that are still to be read."""

    def __init__(self, rest: bytes) -> None:
        self.rest = rest

    def value(self, depth: int) -> Any:
        if depth == 0:
            raise ClarityError(f"values are nested more than {MOST_NESTED} deep")
        kind = self._number(1)
        if kind not in READINGS:
            raise ClarityError(f"0x{kind:02x} is no type of value")
        return READINGS[kind](self, depth - 1)

    def number(self, *, signed: bool) -> int:
        return int.from_bytes(self._take(WIDE_BYTES), "big", signed=signed)

    def buffer(self) -> bytes:
        return self._take(self._number(LENGTH_BYTES))

    def items(self, depth: int) -> list[Any]:
        return [self.value(depth) for _ in range(self._number(LENGTH_BYTES))]

    def fields(self, depth: int) -> dict[str, Any]:
        return {self.name(): self.value(depth) for _ in range(self._number(LENGTH_BYTES))}

    def text(self) -> str:
        return _text(self.buffer())

    def name(self) -> str:
        return _text(self._take(self._number(1)))

    def _take(self, count: int) -> bytes:
        if count > len(self.rest):
            raise ClarityError(f"{count} bytes are to follow, and {len(self.rest)} do")
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def _number(self, count: int) -> int:
        return int.from_bytes(self._take(count), "big")

    def principal(self) -> str:
        """An address in c32check: version, hash and checksum in 32 letters."""
        version, account = self._number(1), self._take(HASH_BYTES)
        if version >= len(ALPHABET):
            raise ClarityError(f"{version} is no version of an address")
        checksum = hashlib.sha256(hashlib.sha256(bytes([version]) + account).digest()).digest()[:CHECKSUM_BYTES]
        return f"S{ALPHABET[version]}{_c32(account + checksum)}"


READINGS: dict[int, Callable[[_Reader, int], Any]] = {
    0x00: lambda reader, _: reader.number(signed=True),
    0x01: lambda reader, _: reader.number(signed=False),
    0x02: lambda reader, _: reader.buffer(),
    0x03: lambda *_: True,
    0x04: lambda *_: False,
    0x05: lambda reader, _: reader.principal(),
    0x06: lambda reader, _: f"{reader.principal()}.{reader.name()}",
    0x07: lambda reader, depth: Ok(reader.value(depth)),
    0x08: lambda reader, depth: Err(reader.value(depth)),
    0x09: lambda *_: None,
    0x0A: lambda reader, depth: reader.value(depth),
    0x0B: lambda reader, depth: reader.items(depth),
    0x0C: lambda reader, depth: reader.fields(depth),
    0x0D: lambda reader, _: reader.text(),
    0x0E: lambda reader, _: reader.text(),
}
"""How each type of value is read, by its first byte."""


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ClarityError(f"a text is no UTF-8: {error}") from error


def _c32(data: bytes) -> str:
    """Bytes as a number in base 32, with one 0 for each zero byte at its start."""
    number, letters = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, len(ALPHABET))
        letters = ALPHABET[digit] + letters
    return "0" * (len(data) - len(data.lstrip(b"\0"))) + letters
