"""A working file as Python leaves it to dbt, and dbt run on it: for the tests of the models.

Belongs here: feeds filled from plain rows, the build, and a mart read back. Not here: any rule of a model.
"""

from __future__ import annotations

import csv
import json
import shutil
import warnings
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.artifacts.schemas.run import RunResult
from dbt.cli.main import dbtRunner

from pipelines.assets.dbt_command import parsed_project
from pipelines.assets.marts import PARSED, ready_manifest
from pipelines.feeds.catalog import FEEDS
from pipelines.receipts import Step, trace
from pipelines.tables.base import Table
from pipelines.warehouse.about import lineage_of
from pipelines.warehouse.ddl import columns_of, create_all

PROJECT = Path(__file__).parents[1] / "dbt_project"
QUIETLY = ("--quiet", "--no-write-json", "--log-level-file", "none", "--threads", "1")
GOOD = ("success", "pass", "warn")
Row = Mapping[str, Any]


def seed(name: str) -> list[dict[str, Any]]:
    """The rows of a seed as a person reads them: text, None where a cell is empty."""
    with (PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8") as file:
        return [{key: value or None for key, value in row.items()} for row in csv.DictReader(file)]


def feed_tables() -> dict[str, type[Table]]:
    """The tables of all feeds by their names."""
    return {f"{feed.source}__{feed.entity}": feed.delivers for feed in FEEDS}


def observed(source_id: str, seen_at: datetime, run_number: int = 1, **values: Any) -> dict[str, Any]:
    """A row of a feed that was seen once, at that instant."""
    lineage = {"source_id": source_id, "fetch_id": f"{source_id}-{seen_at:%Y%m%d%H%M}", "locator": f"L{run_number}"}
    runs = {"run_number": run_number, "last_seen_at": seen_at, "last_fetch_id": "last"}
    return {**values, **lineage, "fetched_at": seen_at, **runs}


def make_feeds(file: Path, feeds: Mapping[str, Iterable[Row]]) -> None:
    """All tables of the feeds, filled with these rows; a column that a row does not name is NULL."""
    file.unlink(missing_ok=True)
    tables = feed_tables()
    with duckdb.connect(str(file)) as connection:
        create_all(connection, tables)
        for name, rows in feeds.items():
            columns = list(columns_of(tables[name]))
            listing = file.with_name(f"{name}.csv")
            with listing.open("w", newline="", encoding="utf-8") as out:
                csv.writer(out).writerows([[row.get(column) for column in columns] for row in rows])
            if listing.stat().st_size:
                connection.execute(f"copy feeds.{name} from '{listing}' (format csv, header false)")


@cache
def parsed() -> tuple[Path, bytes]:
    """The project's manifest, and the project as dbt keeps it after parsing: made once for all tests."""
    return ready_manifest(), PARSED.read_bytes()


def dbt(
    file: Path,
    *arguments: str,
    as_of: datetime,
    window: tuple[date | None, date | None] = (None, None),
    exit_status: int = 0,
) -> dict[str, dict[str, Any]]:
    """Run dbt on the file, which must end so; the result of each node by its name (`status`, `failures`).

    In this process, on the project as it was parsed: to start dbt and to parse takes longer than most builds here.
    The manifest lies in `target` beside the file, as after dbt's own command.
    """
    first, last = (day.isoformat() if day else None for day in window)
    variables = {"as_of": f"{as_of:%Y-%m-%d %H:%M:%S.%f}", "window_first": first, "window_last": last}
    target = file.parent / "target"
    target.mkdir(exist_ok=True)
    manifest, project = parsed()
    shutil.copy(manifest, target / "manifest.json")
    words = [*arguments, *QUIETLY, "--vars", json.dumps(variables)]
    folders = {"--project-dir": PROJECT, "--profiles-dir": PROJECT, "--target-path": target}
    for option, folder in {**folders, "--log-path": file.parent / "logs"}.items():
        words += [option, str(folder)]
    with pytest.MonkeyPatch.context() as shell, warnings.catch_warnings(action="ignore"):
        shell.setenv("OUTCROP_BUILD_FILE", str(file))
        shell.setenv("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
        ended = dbtRunner(parsed_project(project)).invoke(words)
    DuckDBConnectionManager.close_all_connections()
    results = {result.node.unique_id.split(".")[2]: _told(result) for result in getattr(ended.result, "results", ())}
    status = 2 if ended.exception else int(not ended.success)
    assert status == exit_status, ended.exception or [told for told in results.values() if told["status"] not in GOOD]
    return results


def _told(result: RunResult) -> dict[str, Any]:
    facts = {"status": str(result.status), "failures": result.failures, "message": result.message}
    return {**facts, "relation_name": getattr(result.node, "relation_name", None)}


def build(file: Path, *models: str, as_of: datetime, window: tuple[date | None, date | None] = (None, None)) -> None:
    """Seeds and models, without their tests; what the selection needs is named in it (`+model`)."""
    untested = ["--exclude-resource-type", "unit_test", "test", "--select", *models]
    dbt(file, "build", *untested, as_of=as_of, window=window)


def rows_of(file: Path, relation: str) -> list[dict[str, Any]]:
    """All rows of a relation of the built file."""
    with duckdb.connect(str(file), read_only=True) as connection:
        answer = connection.execute(f"select * from {relation}")
        names = [column[0] for column in answer.description]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def receipt(file: Path, manifest: Path, relation: str, key: Row, column: str | None = None) -> list[dict[str, Any]]:
    """The rows of the feeds that a row of a mart stands on, as `outcrop explain` finds them."""

    def bottom(step: Step) -> Iterable[dict[str, Any]]:
        if step.relation.startswith("feeds."):
            yield from ({"table": step.relation, **row} for row in step.rows)
        for below in step.below:
            yield from bottom(below)

    with duckdb.connect(str(file)) as connection:
        connection.register("lineage", lineage_of(manifest))
        connection.execute("create or replace table meta.lineage as select * from lineage")
        return list(bottom(trace(connection, relation, dict(key), column)))
