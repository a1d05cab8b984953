"""Publishing: a checked copy of the working file takes the place of the file that users open.

Belongs here: copy, drop the views, compact, check, rename; the snapshots. A killed publication leaves yesterday's file.
Not here: what the working file holds.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from pipelines.settings import FILE_NAME, Home
from pipelines.warehouse.errors import BadPublication

KEPT_SNAPSHOTS = 3
PUBLIC_SCHEMAS = ("feeds", "intermediate", "marts", "meta", "seeds")
INTERNAL_TABLES = ("meta.loads",)


@dataclass(frozen=True)
class Publication:
    """The published file: rows by mart, and its size."""

    file: Path
    rows_by_mart: dict[str, int]
    bytes: int


def publish(home: Home, published_at: datetime) -> Publication:
    """Put a checked copy of the working file where users open it. Raises `BadPublication`.

    The copy keeps the file's stem (DuckDB's catalog name) in a folder of its own on the same disk, so the
    last step is one atomic rename: readers see the old file or the new one, never a part of either.
    """
    staging = home.build.parent / "publishing"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    stripped, copy = staging / "stripped.duckdb", staging / FILE_NAME
    with duckdb.connect(home.build) as connection:
        connection.execute("force checkpoint")
    shutil.copyfile(home.build, stripped)
    _strip(stripped)
    _compact(stripped, copy)
    rows_by_mart = _checked(copy)
    _to_disk(copy)
    copy.chmod(0o444)
    copy.replace(home.published)
    _keep_snapshot(home, published_at)
    _to_disk(home.path)
    shutil.rmtree(staging)
    return Publication(home.published, rows_by_mart, home.published.stat().st_size)


def _strip(file: Path) -> None:
    """Leave tables only: a view stores the catalog's name and would break under another ATTACH name."""
    with duckdb.connect(file) as connection:
        views = connection.execute("select schema_name, view_name from duckdb_views() where not internal").fetchall()
        for schema, view in views:
            connection.execute(f'drop view "{schema}"."{view}"')
        for table in INTERNAL_TABLES:
            connection.execute(f"drop table if exists {table}")
        schemas = connection.execute(
            "select schema_name from duckdb_schemas() where not internal and database_name = current_database()"
        ).fetchall()
        for (schema,) in schemas:
            if schema not in (*PUBLIC_SCHEMAS, "main"):
                connection.execute(f'drop schema "{schema}" cascade')
        connection.execute("force checkpoint")


def _compact(file: Path, target: Path) -> None:
    """The same tables and comments in a new file, without the room that earlier builds left in this one."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{file}' as stripped (read_only)")
        connection.execute(f"attach '{target}' as compacted")
        connection.execute("copy from database stripped to compacted")
        connection.execute("force checkpoint compacted")


def _checked(file: Path) -> dict[str, int]:
    with duckdb.connect(file, read_only=True) as connection:
        views = connection.execute("select view_name from duckdb_views() where not internal").fetchall()
        marts = connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'marts' order by table_name"
        ).fetchall()
        if views or not marts:
            raise BadPublication(
                f"The copy for publishing has views {views} and marts {marts}. Nothing was published; the file of"
                " the last good run stands.\nRun `outcrop load` again; if it stays, delete build/ and load anew."
            )
        counts = {
            name: connection.execute(f"select count(*) from marts.{name}").fetchone() or (0,) for (name,) in marts
        }
    return {name: int(count) for name, (count,) in counts.items()}


def _keep_snapshot(home: Home, published_at: datetime) -> None:
    """A hard link to the file just published; the oldest beyond the last three go."""
    folder = home.snapshots / f"{published_at:%Y%m%dT%H%M%S%fZ}"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / FILE_NAME
    target.unlink(missing_ok=True)
    os.link(home.published, target)
    for old in sorted(home.snapshots.iterdir())[:-KEPT_SNAPSHOTS]:
        shutil.rmtree(old)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
