"""Points of a series in time: their stamps as instants, and which point stands for which slot.

Belongs here: what feeds of prices share about stamps and slots.
Not here: where a series stands in a body, and what its values mean.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, Literal

import polars as pl

from pipelines.wire import BodyRefused, Outcome

INSTANT = pl.Datetime("us")
PER_SEC = {"s": 1, "ms": 1_000}
EARLIEST_SEC, LATEST_SEC = 1_230_768_000, 4_102_444_800
"""2009 and 2100: a stamp outside counts in another unit."""
SHOWN_CHARACTERS = 200


def instant(text: str, unit: Literal["s", "ms"]) -> pl.Expr:
    """The UTC instant of a printed whole number of seconds or milliseconds; null where it is none."""
    whole, per_sec = pl.col(text).str.replace(r"\.0+$", ""), PER_SEC[unit]
    stamp = whole.cast(pl.Int64, strict=False)
    is_sane = stamp.is_between(EARLIEST_SEC * per_sec, LATEST_SEC * per_sec)
    return pl.when(is_sane).then(stamp * (1_000_000 // per_sec)).cast(INSTANT)


def nearest(points: pl.DataFrame, series: str, at: str, slot_sec: int, within: timedelta) -> pl.DataFrame:
    """The points that stand for a slot, with `slot_at`: of each series and slot the nearest one, if it is near.

    Half-way between two slots counts for the later one, of two equally near points the earlier one counts. Two
    points of one instant both stay: whether they agree is for the table to say.
    """
    half, slot = timedelta(seconds=slot_sec / 2), f"{slot_sec}s"
    distance = (pl.col(at) - pl.col("slot_at")).abs()
    near = points.with_columns(slot_at=(pl.col(at) + half).dt.truncate(slot)).filter(distance <= within)
    best = pl.col(at).sort_by(distance, at).first().over(series, "slot_at")
    return near.filter(pl.col(at) == best)


def refuse_other_times(instants: pl.Series, first: datetime | None, last: datetime | None) -> None:
    """Raises `BodyRefused` where instants are given and none of them lies in the stretch that was asked for."""
    given = instants.drop_nulls()
    is_asked = given.is_between(first or given.min(), last or given.max())
    if given.len() and not is_asked.any():
        reason = f"asked from {first} to {last}, and the answer is of {given.min()} to {given.max()}"
        raise BodyRefused(Outcome.LAYOUT_CHANGED, reason)


def asked_at(params: tuple[tuple[str, str], ...], name: str) -> datetime | None:
    """The instant that a parameter of a request gives in seconds; None where it gives none."""
    stamp = dict(params).get(name, "")
    if not (stamp.isdecimal() and EARLIEST_SEC <= int(stamp) <= LATEST_SEC):
        return None
    return datetime.fromisoformat("1970-01-01") + timedelta(seconds=int(stamp))


def refuse_without(name: str, kind: type, document: Any) -> Any:
    """The value of that name in a JSON object. Raises `BodyRefused` with what the body says in its place."""
    value = document.get(name) if isinstance(document, dict) else None
    if not isinstance(value, kind):
        said = json.dumps(document, default=str)[:SHOWN_CHARACTERS]
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no {name} in the answer, which says {said}")
    return value
