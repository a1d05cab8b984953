"""Observation: the run-length form of everything that was ever seen of a key.

Belongs here: the arithmetic of runs, as a pure function over frames.
Not here: DuckDB.
"""

from __future__ import annotations

import polars as pl

from pipelines.tables.base import Observe, Table


def merge_runs(table: type[Table], newest: pl.DataFrame, observed: pl.DataFrame) -> pl.DataFrame:
    """The runs that stand at the end of each key's history after more observations.

    `newest` is the newest run of each key as stored; `observed` has the columns of the contract and
    `position`, the place of its answer in (fetched_at, sha256) order, later than all of `newest`. A new run
    starts where a value differs from the observation before. Returns the columns as stored: runs that are
    stored already (same key and run_number) with a later last_seen_at, and new ones.
    """
    key, values = table.primary_key(), table.values()
    columns = [*table.column_names(), "run_number", "last_seen_at", "last_fetch_id"]
    seen = observed.with_columns(run_number=pl.lit(None, pl.Int32), last_seen_at="fetched_at", last_fetch_id="fetch_id")
    stored = newest.with_columns(position=pl.lit(-1, observed.schema["position"]))
    history = pl.concat([part.select(*columns, "position") for part in (stored, seen)]).sort(*key, "position")
    if isinstance(table.load, Observe) and table.load.null_is_silence:
        history = history.with_columns(pl.col(values).forward_fill().over(key))
    is_first = pl.int_range(pl.len()).over(key) == 0
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(1).over(key)) for name in values)
    starts = (is_first | differs).cast(pl.Int32)
    first_number = pl.col("run_number").first().over(key).fill_null(1)
    numbered = history.with_columns(run_number=(first_number + starts.cum_sum().over(key) - 1).cast(pl.Int32))
    last = [pl.col(name).last() for name in ("last_seen_at", "last_fetch_id")]
    first = [pl.col(name).first() for name in table.column_names() if name not in key]
    runs = numbered.group_by(*key, "run_number", maintain_order=True).agg(*first, *last)
    return runs.select(columns)
