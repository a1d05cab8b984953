"""Logs to the arguments of an event: columns from columns, by the event's declaration alone.

Belongs here: where the words of an argument stand in topics and data, and what makes a log malformed.
Not here: what one word means (words.py), what an argument is for (seeds.bridge_contracts, read by the feeds).
Source: https://docs.soliditylang.org/en/latest/abi-spec.html (events, use of dynamic types).
"""

from __future__ import annotations

import polars as pl

from pipelines.evm.answers import first_fault
from pipelines.evm.signatures import Argument, Event
from pipelines.evm.words import (
    DIGITS,
    RAW,
    Values,
    Word,
    address,
    exact,
    fixed_bytes,
    flag,
    length,
    signed,
    text,
    unsigned,
)

BYTES = 32
FIRST = len("0x")
"""Where the first word of a column of hex starts."""
TOPICS = 4


def decode(event: Event, logs: pl.DataFrame) -> pl.DataFrame:
    """One row per log, in the order of `logs`: a column per argument, and `fault`.

    `logs` has topic0 to topic3 and data as `read_logs` gives them. A number has `name` (Decimal(38, 0), null where it
    has more digits) and `name_text` (exact for all 256 bits); a bool is Boolean; a string is text; addresses, bytesN
    and bytes are lower-case hex with 0x, as is the hash that stands for an indexed string or bytes. `fault` says why
    a log is malformed (wrong number of topics, short data, bad offset, dirty padding, invalid UTF-8); the values of
    such a row mean nothing.
    """
    columns: dict[str, pl.Expr] = {}
    faults = [_wrong_topics(event), _short_data(event)]
    for place, argument in enumerate(event.indexed, start=1):
        word = Word(f"topic{place}", FIRST)
        values, is_malformed, words = _from_topic(argument, word)
        columns |= values
        faults.append((is_malformed, words))
    for place, argument in enumerate(event.in_data):
        word = Word("data", FIRST + DIGITS * place)
        if argument.is_dynamic:
            logs = _with_tail(logs, argument, word, head_size=BYTES * len(event.in_data))
        values, is_malformed, words = _from_tail(argument) if argument.is_dynamic else _from_word(argument, word)
        columns |= values
        faults.append((is_malformed, words))
    conditions = {f"malformed {n}": condition for n, (condition, _) in enumerate(faults)}
    read = logs.select(**columns, **conditions)
    numbers = [argument for argument in event.arguments if argument.is_number]
    for number in numbers:
        texts = exact(read[number.name], read[f"{number.name}_text"], is_signed=number.kind == "int")
        decimals = pl.col(number.name).cast(RAW, strict=False)
        read = read.with_columns(decimals, texts.alias(f"{number.name}_text"))
    known = [(pl.col(name), words) for name, (_, words) in zip(conditions, faults, strict=True)]
    unread = [(pl.col(f"{number.name}_text").is_null(), f"{number.name} is not hex") for number in numbers]
    return read.select(*columns, fault=first_fault(*known, *unread))


def _wrong_topics(event: Event) -> tuple[pl.Expr, str]:
    count = 1 + len(event.indexed)
    lengths = [pl.col(f"topic{n}").str.len_bytes().fill_null(0) for n in range(TOPICS)]
    is_right = [lengths[n] == (FIRST + DIGITS if n < count else 0) for n in range(TOPICS)]
    return ~pl.all_horizontal(is_right), f"not {count} topics of 32 bytes"


def _short_data(event: Event) -> tuple[pl.Expr, str]:
    words = len(event.in_data)
    return pl.col("data").str.len_bytes() < FIRST + DIGITS * words, f"data is shorter than {words} words"


def _from_topic(argument: Argument, word: Word) -> Values:
    if argument.is_dynamic:
        return fixed_bytes(argument.name, word, BYTES)
    return _from_word(argument, word)


def _from_word(argument: Argument, word: Word) -> Values:
    match argument.kind:
        case "uint":
            return unsigned(argument.name, word, argument.width)
        case "int":
            return signed(argument.name, word, argument.width)
        case "address":
            return address(argument.name, word)
        case "bool":
            return flag(argument.name, word)
        case _:
            return fixed_bytes(argument.name, word, argument.width)


def _with_tail(logs: pl.DataFrame, argument: Argument, word: Word, head_size: int) -> pl.DataFrame:
    """The logs with the bytes, or the text, whose offset is in `word`; null where they do not lie within the data.

    At the offset stands their count, which they follow. Whether zeros fill the last word is not asked.
    """
    data, offset, start, count = (pl.col(name) for name in ("data", "offset", "start", "count"))
    size = data.str.len_bytes().cast(pl.Int64)
    is_behind_head = (offset >= head_size) & (FIRST + 2 * offset + DIGITS <= size)
    is_within = start + DIGITS + 2 * count <= size
    content = data.str.slice(start + DIGITS, 2 * count)
    found = (
        logs.with_columns(offset=length(word))
        .with_columns(start=pl.when(is_behind_head).then(FIRST + 2 * offset))
        .with_columns(counted=data.str.slice(start, DIGITS))
        .with_columns(count=length(Word("counted", 0)))
        .with_columns(pl.when(is_within).then(content).alias(_tail(argument)))
    )
    return found.with_columns(text(pl.col(_tail(argument)))) if argument.type == "string" else found


def _tail(argument: Argument) -> str:
    return f"tail of {argument.name}"


def _from_tail(argument: Argument) -> Values:
    name, tail = argument.name, pl.col(_tail(argument))
    if argument.type == "bytes":
        return {name: "0x" + tail}, tail.is_null(), f"{name} does not lie within the data"
    return {name: tail}, tail.is_null(), f"{name} does not lie within the data as UTF-8"
