"""What every contract shares: lineage columns, the two ways to load, and the check at the door.

Belongs here: the `Table` base class and `check`, which splits what a feed read into good rows, rejected
rows and unknown names, or refuses the body.
Not here: the contract of any one table (one module per subject beside this one).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import dataframely as dy
import polars as pl

from pipelines.wire import Answer, BodyRefused, Outcome

MAX_FAULTS = 5
MAX_FAULT_RATIO = 0.01
"""More faulty rows than both of these, and the body is refused."""

FUTURE = "not_after_fetched_at"
LINEAGE = ("source_id", "fetch_id", "locator", "fetched_at")
HELPERS = ("fault", "raw", "source_name", "is_faulty", "is_unknown", "is_future")
REJECTED = {"rule": pl.String, "reason": pl.String, "row_json": pl.String, "locator": pl.String}
NOTHING_REJECTED = pl.DataFrame(schema=REJECTED)
NO_NAMES = pl.DataFrame(schema={"kind": pl.String, "source_name": pl.String, "rows": pl.Int64})


@dataclass(frozen=True)
class Observe:
    """Upstreams rewrite the series: keep the run-length form of all observations of a key.

    `null_is_silence`: an answer that leaves a value out does not take back what was said before.
    """

    null_is_silence: bool = False


@dataclass(frozen=True)
class Replace:
    """The answer is the truth about what it covers: delete the covered range and insert.

    `by`: the column of block numbers that ranges are told in; empty where they are instants of the table's `at`.
    """

    by: str = ""


class Table(dy.Schema):
    """Base of all contracts. `entity` and `at` name the columns that say what and when a row is about."""

    load: ClassVar[Observe | Replace]
    entity: ClassVar[str]
    at: ClassVar[str]
    named_by: ClassVar[str] = ""
    """Kind of the names that `parse` maps through the registry (fund, chain, …); empty where it maps none."""
    uncounted: ClassVar[frozenset[str]] = frozenset()
    """Rules whose breach is upstream's habit: the row is set aside by name, and the body is not refused for it."""

    source_id = dy.String(description="The source of the row (seeds.sources)")
    fetch_id = dy.String(description="The answer the row was read from (feeds.ledger)")
    locator = dy.String(description="Where in the answer: JSON pointer, table cell t0/r1/c2, CSV line, log index")
    fetched_at = dy.Datetime(time_unit="us", description="UTC instant of the answer")

    @classmethod
    def values(cls) -> list[str]:
        """The columns that are neither key nor lineage: what an observation says."""
        return [name for name in cls.column_names() if name not in (*cls.primary_key(), *LINEAGE)]


@dataclass(frozen=True)
class Checked:
    """What one body came to. `rejected`: rule, reason, row_json, locator; `unknown`: kind, source_name, rows."""

    rows: pl.DataFrame
    rejected: pl.DataFrame
    unknown: pl.DataFrame


def check(table: type[Table], read: pl.DataFrame, source_id: str, answer: Answer) -> Checked:
    """Hold what a feed read against its contract.

    `read` has the contract's columns without the lineage that is known from the answer (null columns may be
    absent), and may have three columns more: `fault` (why the row could not be read), `raw` (the text it was
    read from) and `source_name` (the upstream's name of an entity; where the entity is null, the registry does
    not know it).

    Raises `BodyRefused` when more than 1 % of the rows and more than five of them, or all of them, break a
    rule (rows dated after the fetch and rules that the table leaves `uncounted` do not count), or when a key
    occurs twice with different values.
    """
    frame = _completed(table, read, source_id, answer)
    faulty, unknown, future = (pl.col(name) for name in ("is_faulty", "is_unknown", "is_future"))
    present = _collapsed(table, frame.filter(~faulty & ~unknown & ~future))
    result = table.filter(present.select(table.column_names()))
    good = cast(pl.DataFrame, result.result)
    if good.height == frame.height:
        return Checked(good, NOTHING_REJECTED, NO_NAMES)
    unreadable = _rejected(frame.filter(faulty), pl.lit("readable"), pl.col("fault"))
    broken = _broken(table, present, result.failure.details())
    counted = broken.filter(_breaks_another_rule_than(table.uncounted))
    _refuse_if_too_faulty(good=good.height, faults=pl.concat([unreadable, counted]))
    late = _rejected(frame.filter(future), pl.lit(FUTURE), pl.format("{} is after the answer", table.at))
    return Checked(
        rows=good,
        rejected=pl.concat([unreadable, broken, late]).sort("locator", "rule"),
        unknown=frame.filter(unknown)
        .group_by("source_name")
        .agg(rows=pl.len().cast(pl.Int64))
        .select(pl.lit(table.named_by).alias("kind"), "source_name", "rows")
        .sort("source_name"),
    )


def _completed(table: type[Table], read: pl.DataFrame, source_id: str, answer: Answer) -> pl.DataFrame:
    """All columns of the contract and of the reading, and where each row belongs."""
    text = {name: pl.lit(None, pl.String) for name in ("fault", "raw", "source_name")}
    empty = {name: pl.lit(None, column.dtype) for name, column in table.columns().items() if column.nullable}
    lineage = {
        "source_id": pl.lit(source_id),
        "fetch_id": pl.lit(answer.fetch_id),
        "fetched_at": pl.lit(answer.fetched_at, pl.Datetime("us")),
    }
    absent = {name: null for name, null in (text | empty).items() if name not in read.columns}
    is_late = (pl.col(table.at).cast(pl.Datetime("us")) > answer.fetched_at).fill_null(value=False)
    is_faulty = pl.col("fault").is_not_null() & ~is_late
    is_unknown = ~is_faulty & pl.col(table.entity).is_null() & pl.col("source_name").is_not_null()
    return read.with_columns(**absent, **lineage).with_columns(
        is_faulty=is_faulty,
        is_unknown=is_unknown,
        is_future=is_late & ~is_unknown,
    )


def _collapsed(table: type[Table], frame: pl.DataFrame) -> pl.DataFrame:
    """One row per key. Raises `BodyRefused` where a key is given with two different values."""
    key = table.primary_key()
    if frame.select(pl.struct(key).is_unique().all()).item():
        return frame
    once = frame.unique([*key, *table.values()], keep="first", maintain_order=True)
    twice = once.filter(pl.struct(key).is_duplicated())
    if twice.height:
        example = ", ".join(f"{name}={twice[name][0]}" for name in key)
        raise BodyRefused(Outcome.CONFLICTING_ROWS, f"{example} is given twice with different values")
    return once


def _rejected(rows: pl.DataFrame, rule: pl.Expr, reason: pl.Expr) -> pl.DataFrame:
    """Rows set aside, with the text they were read from where the feed kept it."""
    values = pl.struct(pl.exclude(*HELPERS)).struct.json_encode()
    rejected = rows.select(rule=rule, reason=reason, row_json=pl.coalesce("raw", values), locator="locator")
    return rejected.cast(dict(REJECTED))


def _broken(table: type[Table], present: pl.DataFrame, details: pl.DataFrame) -> pl.DataFrame:
    """The rows that break rules of the contract, each with the names of all rules it breaks."""
    rules = [name for name in details.columns if name not in table.column_names()]
    names = pl.concat_str(
        [pl.when(pl.col(name) == "invalid").then(pl.lit(name)) for name in rules],
        separator=", ",
        ignore_nulls=True,
    )
    broken = details.with_columns(rule=names).select("locator", "rule")
    rows = present.join(broken, on="locator", how="inner")
    return _rejected(rows, pl.col("rule"), pl.format("breaks {}", "rule"))


def _breaks_another_rule_than(uncounted: frozenset[str]) -> pl.Expr:
    others = pl.lit(sorted(uncounted), pl.List(pl.String))
    return pl.col("rule").str.split(", ").list.set_difference(others).list.len() > 0


def _refuse_if_too_faulty(good: int, faults: pl.DataFrame) -> None:
    total = good + faults.height
    limit = max(MAX_FAULTS, int(MAX_FAULT_RATIO * total))
    if faults.height and (faults.height > limit or good == 0):
        first = faults.row(0, named=True)
        reason = f"{faults.height} of {total} rows are faulty, first at {first['locator']}: {first['reason']}"
        raise BodyRefused(Outcome.TOO_MANY_FAULTS, reason)
