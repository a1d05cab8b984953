"""The envelope of JSON-RPC answers: which result each call has, and how a node prints numbers, times and bytes.

Belongs here: what logs, headers and balances share.
Not here: what the results mean (logs.py), whether an answer is one to its question (calls.py).
Source: https://ethereum.org/en/developers/docs/apis/json-rpc/ (hex encoding).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import polars as pl

from pipelines.wire import BodyRefused, Outcome, parse_json

INSTANT = pl.Datetime("us")
WEI = pl.Decimal(38, 0)
LATEST_SEC = 4_102_444_800
"""2100: a later time counts in another unit than seconds."""
SHOWN_CHARACTERS = 120

Whole = type[pl.Int32 | pl.Int64 | pl.Int128]
Reading = Callable[[Any], Any]


def results(body: bytes, kind: pl.DataType, of_kind: Reading) -> pl.DataFrame:
    """One row per call that has a result of the kind: call_id, result, and `locator`, its JSON pointer.

    A body that holds nothing else is read as it is. Otherwise `of_kind` gives each JSON value as one of the kind, its
    scalars as text, or None where it is a result of another call.

    Raises `BodyRefused`: truncated where it is no complete JSON, layout_changed where it is no JSON-RPC answer.
    """
    schema = {"id": pl.String, "result": kind}
    try:
        members = pl.read_json(BytesIO(body), schema=schema)
    except pl.exceptions.PolarsError:
        members = pl.DataFrame(_told_apart(body, of_kind), schema=schema, orient="row")
    if members.select(pl.all_horizontal(pl.all().is_null()).any()).item():
        raise BodyRefused(Outcome.LAYOUT_CHANGED, "a member has neither the id of a call nor a result")
    is_batch = body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
    return (
        members.with_row_index("member")
        .filter(pl.col("result").is_not_null())
        .select(
            "result",
            call_id=pl.col("id").cast(pl.Int64, strict=False),
            locator=pl.format("/{}/result", "member") if is_batch else pl.lit("/result"),
        )
    )


def _told_apart(body: bytes, of_kind: Reading) -> list[tuple[str | None, Any]]:
    """The id and the result of each call, by the slow way round."""
    document = parse_json(body.decode("utf-8-sig", errors="replace"))
    members = document if isinstance(document, list) else [document]
    for member in members:
        if not (isinstance(member, dict) and {"result", "error"} & set(member)):
            said = json.dumps(member, default=str)[:SHOWN_CHARACTERS]
            raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no JSON-RPC answer, it says {said}")
    return [(as_text(member.get("id")), of_kind(member.get("result"))) for member in members]


def as_text(value: Any) -> str | None:
    """A JSON value as a column of texts has it."""
    return value if value is None or isinstance(value, str) else json.dumps(value, default=str)


def of_fields(value: Any, kind: pl.Struct) -> dict[str, Any]:
    """A JSON value as a struct of texts and lists of texts; where it is no object, of nothing."""
    given = value if isinstance(value, dict) else {}
    return {
        field.name: _texts(given.get(field.name)) if field.dtype == pl.List else as_text(given.get(field.name))
        for field in kind.fields
    }


def _texts(value: Any) -> list[str | None] | None:
    if value is None:
        return None
    return [as_text(one) for one in value] if isinstance(value, list) else [as_text(value)]


def quantity(name: str, kind: Whole = pl.Int64) -> pl.Expr:
    """A number that a node prints in hex, with or without leading zeros; null where it is none or does not fit."""
    digits = pl.when(pl.col(name).str.starts_with("0x")).then(pl.col(name).str.strip_prefix("0x"))
    return digits.str.to_integer(base=16, dtype=kind, strict=False)


def wei(name: str) -> pl.Expr:
    """An amount that a node prints in hex; null where it is none or has more than 38 digits."""
    return quantity(name, pl.Int128).cast(WEI, strict=False)


def instant(name: str) -> pl.Expr:
    """The UTC instant of seconds that a node prints in hex."""
    seconds = quantity(name)
    is_sane = seconds.is_between(0, LATEST_SEC)
    return pl.when(is_sane).then(seconds * 1_000_000).cast(INSTANT)


def hex_of(name: str, size: int | None = None) -> pl.Expr:
    """Whether a lower-case text is 0x and whole bytes, of the size where one is given."""
    count = "*" if size is None else f"{{{2 * size}}}"
    digits = pl.col(name).str.contains(rf"^0x[0-9a-f]{count}$")
    return digits if size is not None else digits & (pl.col(name).str.len_bytes() % 2 == 0)


def first_fault(*faults: tuple[pl.Expr, str]) -> pl.Expr:
    """The words of the first condition that holds (or cannot be told); null where none does."""
    return pl.coalesce([pl.when(holds.fill_null(value=True)).then(pl.lit(words)) for holds, words in faults])


def with_raw(frame: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """The frame with `raw`, the JSON of these columns, on the rows that have a fault."""
    if frame["fault"].null_count() == frame.height:
        return frame.with_columns(raw=pl.lit(None, pl.String))
    text = pl.struct(columns).struct.json_encode()
    return frame.with_columns(raw=pl.when(pl.col("fault").is_not_null()).then(text))
