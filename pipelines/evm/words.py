"""The 32-byte words of the ABI, as polars expressions over 64 hex digits: numbers, addresses, flags, bytes.

Belongs here: one word to one value, exactly, and what makes a word malformed.
Not here: where a word stands in a log (decode.py).
Source: https://docs.soliditylang.org/en/latest/abi-spec.html (formal specification of the encoding).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

RAW = pl.Decimal(38, 0)
PREFIX = "0x"
DIGITS = 64
"""Hex digits of a word."""
HALF = "0" * 32
ONES = "f" * 32
WORD = re.compile(rf"[0-9a-f]{{{DIGITS}}}")
NEXT = "[89ab][0-9a-f]"
UTF_8 = (
    rf"^(?:[0-7][0-9a-f]|c[2-9a-f]{NEXT}|d[0-9a-f]{NEXT}|e0[ab][0-9a-f]{NEXT}|e[1-9abcef](?:{NEXT}){{2}}"
    rf"|ed[89][0-9a-f]{NEXT}|f0[9ab][0-9a-f](?:{NEXT}){{2}}|f[1-3](?:{NEXT}){{3}}|f48[0-9a-f](?:{NEXT}){{2}})*$"
)
"""Well-formed UTF-8 in hex (The Unicode Standard, table 3-7)."""


@dataclass(frozen=True)
class Word:
    """The word that starts at a place of a column of hex, counted in digits."""

    column: str
    place: int

    def digits(self, start: int = 0, count: int = DIGITS) -> pl.Expr:
        return pl.col(self.column).str.slice(self.place + start, min(count, DIGITS - start))

    def starts_with(self, digits: str) -> pl.Expr:
        """The first word of a column needs no cutting out."""
        if self.place == len(PREFIX):
            return pl.col(self.column).str.starts_with(PREFIX + digits)
        return self.digits(0, len(digits)) == digits


Values = tuple[dict[str, pl.Expr], pl.Expr, str]
"""The columns of an argument, the condition under which its word is malformed, and the words that say so."""


def unsigned(name: str, word: Word, bits: int) -> Values:
    """A uintN, to be finished by `exact`."""
    low = word.digits(32).str.to_integer(base=16, dtype=pl.Int128(), strict=False)
    unused = DIGITS - bits // 4
    is_dirty = ~word.starts_with("0" * unused)
    return _number(name, word, pl.when(word.starts_with(HALF)).then(low)), is_dirty, f"{name} is no uint{bits}"


def signed(name: str, word: Word, bits: int) -> Values:
    """An intN in two's complement, to be finished by `exact`."""
    low = word.digits(32).str.to_integer(base=16, dtype=pl.UInt128(), strict=False)
    number = low.cast(pl.Int128, wrap_numerical=True)
    is_short = (word.starts_with(HALF) & (number >= 0)) | (word.starts_with(ONES) & (number < 0))
    unused = DIGITS - bits // 4
    is_dirty = ~word.digits().str.contains(rf"^(?:0{{{unused}}}[0-7]|f{{{unused}}}[89a-f])")
    return _number(name, word, pl.when(is_short).then(number)), is_dirty, f"{name} is no int{bits}"


def exact(numbers: pl.Series, words: pl.Series, *, is_signed: bool) -> pl.Series:
    """Decimal texts of numbers of 128 bits; where one is null, of its word. Null: the word is no hex.

    Numbers beyond 128 bits are rare, so that their texts come from Python, each number once.
    """
    texts = numbers.cast(pl.String)
    places = numbers.is_null().arg_true()
    if places.is_empty():
        return texts
    rest = words.gather(places)
    known = rest.drop_nulls().unique()
    decimals = pl.Series([_decimal(word, is_signed=is_signed) for word in known], dtype=pl.String)
    return texts.scatter(places, rest.replace_strict(known, decimals, default=None))


def address(name: str, word: Word) -> Values:
    is_dirty = ~word.starts_with("0" * 24)
    return {name: PREFIX + word.digits(24)}, is_dirty, f"{name} is no address: its first 12 bytes are not zero"


def flag(name: str, word: Word) -> Values:
    """A bool."""
    digits, zeros = word.digits(), "0" * (DIGITS - 1)
    value = (
        pl.when(digits == zeros + "1").then(pl.lit(value=True)).when(digits == zeros + "0").then(pl.lit(value=False))
    )
    return {name: value}, value.is_null(), f"{name} is no bool"


def fixed_bytes(name: str, word: Word, size: int) -> Values:
    """A bytesN, as hex with 0x."""
    is_dirty = word.digits(2 * size) != "0" * (DIGITS - 2 * size)
    return {name: PREFIX + word.digits(0, 2 * size)}, is_dirty, f"{name} has bytes beyond bytes{size}"


def length(word: Word) -> pl.Expr:
    """A count of bytes; null where it is none below 2^32, more than any log holds."""
    count = word.digits(DIGITS - 8).str.to_integer(base=16, dtype=pl.Int64(), strict=False)
    return pl.when(word.starts_with("0" * (DIGITS - 8))).then(count)


def text(content: pl.Expr) -> pl.Expr:
    """The text that bytes in hex spell; null where they are no UTF-8."""
    return pl.when(content.str.contains(UTF_8)).then(content).str.decode("hex").cast(pl.String)


def _number(name: str, word: Word, number: pl.Expr) -> dict[str, pl.Expr]:
    """The number where 128 bits hold it, and the word itself."""
    return {name: number, f"{name}_text": word.digits()}


def _decimal(word: str, *, is_signed: bool) -> str | None:
    if not WORD.fullmatch(word):
        return None
    return str(int.from_bytes(bytes.fromhex(word), "big", signed=is_signed))
