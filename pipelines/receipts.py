"""Receipts: from one row of a mart down to the archived bytes that it came from.

Belongs here: the walk along `meta.lineage`, and what it finds at the bottom.
Not here: how a receipt is printed (cli).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import duckdb

from pipelines.feeds.pages import fragment
from pipelines.runtime import BadUsage
from pipelines.transport.archive import Archive

Row = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One relation on the way down: the rows that the key selects, and the steps below."""

    relation: str
    key: Row
    columns: tuple[str, ...]
    rows: list[Row]
    below: list[Step] = field(default_factory=list)


def trace(connection: duckdb.DuckDBPyConnection, relation: str, key: Row, column: str | None = None) -> Step:
    """Everything that one row of a published relation stands on. Raises `BadUsage`."""
    known = [name for (name,) in connection.execute("select distinct relation from meta.lineage order by 1").fetchall()]
    if relation not in known:
        marts = [name for name in known if name.startswith("marts.")]
        raise BadUsage(f"There is no receipt for {relation}. Known: {', '.join(marts)}")
    columns = connection.sql(f"from {relation} limit 0").columns
    if wrong := [name for name in (*key, *([column] if column else [])) if name not in columns]:
        raise BadUsage(f"{relation} has no column {', '.join(wrong)}. It has: {', '.join(columns)}")
    rows = _select(connection, relation, key)
    if len(rows) != 1:
        some = f"{len(rows)} rows: name more columns, so that one is left" if rows else "no row"
        raise BadUsage(f"{relation} has {some} with {_said(key)}.")
    return _step(connection, relation, key, column)


def _step(connection: duckdb.DuckDBPyConnection, relation: str, key: Row, column: str | None) -> Step:
    rows = _select(connection, relation, key)
    lines = connection.execute(
        "select column_name, depends_on, key_map_json from meta.lineage where relation = ?"
        " and (? is null or column_name in ('*', ?)) order by all",
        [relation, column, column],
    ).fetchall()
    below: dict[tuple[str, str], list[str]] = {}
    for name, depends_on, key_map in lines:
        below.setdefault((depends_on, key_map), []).append(name)
    steps = [
        _step(connection, depends_on, _key_below(row, json.loads(key_map)), None)
        for row in rows
        for (depends_on, key_map) in below
    ]
    return Step(relation, key, tuple(sorted({name for names in below.values() for name in names})), rows, _once(steps))


def _select(connection: duckdb.DuckDBPyConnection, relation: str, key: Row) -> list[Row]:
    where = " and ".join(f"{name} is not distinct from ?" for name in key)
    relation_ = connection.sql(f"from {relation} where {where} order by all", params=list(key.values()))
    return [dict(zip(relation_.columns, row, strict=True)) for row in relation_.fetchall()]


def _key_below(row: Row, key_map: dict[str, str]) -> Row:
    return {below: row[above] for below, above in key_map.items()}


def _once(steps: list[Step]) -> list[Step]:
    unique = {(step.relation, str(step.key)): step for step in steps if step.rows}
    return list(unique.values())


def bytes_of(connection: duckdb.DuckDBPyConnection, archive: Archive, row: Row) -> Iterator[tuple[str, str]]:
    """What the archive holds for one feed row: (locator, the text there) pairs, after (request, body)."""
    (method, url, fetched_at, sha256) = connection.execute(
        "select method, url, fetched_at, sha256 from feeds.ledger where fetch_id = ?", [row["fetch_id"]]
    ).fetchone() or ("", "", None, None)
    yield f"{method} {url}", f"fetched {fetched_at} UTC, sha256 {sha256}"
    entries = [entry for entry in archive.ledger().iter_rows(named=True) if entry["fetch_id"] == row["fetch_id"]]
    if not entries:
        raise BadUsage(
            f"{archive.path} does not hold {row['fetch_id']}: it is not the archive that the file was built of."
        )
    answer = archive.answer(entries[0])
    for locator in row["locator"].split():
        yield locator, fragment(answer, locator)


def _said(key: Row) -> str:
    return " ".join(f"{name}={value}" for name, value in key.items())
