"""What the file says about its own making: `meta.build`, `meta.fetches` and `meta.lineage`.

Belongs here: the facts of a build, the ledger rows that published rows cite, and the way from mart to feed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl


@dataclass(frozen=True)
class Build:
    """One row of `meta.build`. Times of the build itself are here and nowhere else."""

    mode: str
    is_simulated: bool
    window_first: date | None
    window_last: date | None
    as_of: datetime
    outcrop_version: str
    dbt_version: str
    duckdb_version: str
    git_commit: str | None
    started_at: datetime
    finished_at: datetime
    archive_digest: str


LINEAGE = {
    "relation": pl.String,
    "column_name": pl.String,
    "depends_on": pl.String,
    "key_map_json": pl.String,
}
BUILD = {
    "mode": pl.String,
    "is_simulated": pl.Boolean,
    "window_first": pl.Date,
    "window_last": pl.Date,
    "as_of": pl.Datetime("us"),
    "outcrop_version": pl.String,
    "dbt_version": pl.String,
    "duckdb_version": pl.String,
    "git_commit": pl.String,
    "started_at": pl.Datetime("us"),
    "finished_at": pl.Datetime("us"),
    "archive_digest": pl.String,
}


def lineage_of(manifest: Path) -> pl.DataFrame:
    """How a key of one relation selects rows of the next one down, as the models' `meta.receipt` says it."""

    def rows() -> Iterator[tuple[str, str, str, str]]:
        nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
        for node in nodes:
            for step in node["config"].get("meta", {}).get("receipt", []):
                relation = f"{node['schema']}.{node['name']}"
                yield (
                    relation,
                    step["column"],
                    step["depends_on"],
                    json.dumps(step["key_map"], sort_keys=True),
                )

    return pl.DataFrame(sorted(set(rows())), schema=LINEAGE, orient="row")


def write_about(file: Path, build: Build, ledger: pl.DataFrame, lineage: pl.DataFrame, run_id: str) -> None:
    """Write the three tables into the working file, and let go of incidents of earlier runs."""
    facts: list[dict[str, Any]] = [asdict(build)]
    with duckdb.connect(file) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.begin()
        connection.execute("delete from meta.incidents where run_id <> ?", [run_id])
        _replace(connection, "meta.build", pl.DataFrame(facts, schema=BUILD))
        _replace(connection, "meta.lineage", lineage)
        _replace(connection, "meta.fetches", ledger.filter(pl.col("fetch_id").is_in(_cited(connection))))
        connection.commit()


def _cited(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The answers that rows of the feeds stand on."""
    columns = connection.execute(
        "select table_name, column_name from duckdb_columns() where schema_name = 'feeds'"
        " and column_name in ('fetch_id', 'last_fetch_id') and table_name not in ('ledger', 'asked')"
    ).fetchall()
    if not columns:
        return []
    union = " union ".join(f"select {column} from feeds.{table}" for table, column in columns)
    return sorted(fetch_id for (fetch_id,) in connection.execute(union).fetchall())


def _replace(connection: duckdb.DuckDBPyConnection, relation: str, frame: pl.DataFrame) -> None:
    connection.register("incoming", frame)
    connection.execute(f"create or replace table {relation} as select * from incoming")
    connection.unregister("incoming")
