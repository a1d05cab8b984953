"""Receipts: from one row of a mart down to the archived bytes that it came from.

Belongs here: the walk along `meta.lineage`, and what it finds at the bottom.
Not here: how a receipt is printed (cli).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import duckdb

from pipelines.feeds.pages import fragment
from pipelines.runtime import BadUsage
from pipelines.transport.archive import Archive
from pipelines.wire import Answer

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
    """The rows that a key selects and what they stand on; a column that is told there by name is followed alone."""
    rows = _select(connection, relation, key)
    told = connection.execute(
        "select column_name, depends_on, key_map_json from meta.lineage where relation = ? order by all", [relation]
    ).fetchall()
    if column not in connection.sql(f"from {relation} limit 0").columns:
        column = None
    lines = [line for line in told if column is None or line[0] in ("*", column)]
    below: dict[tuple[str, str], list[str]] = {}
    for name, depends_on, key_map in lines:
        below.setdefault((depends_on, key_map), []).append(name)
    steps = [
        _step(connection, depends_on, _key_below(row, json.loads(key_map)), column)
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


class Evidence:
    """The archive at the bottom of a receipt: its ledger is read once, and a body once for many places in it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, archive: Archive) -> None:
        self._connection = connection
        self._archive = archive
        self._entries = {entry["fetch_id"]: entry for entry in archive.ledger().iter_rows(named=True)}
        self._answer_of = lru_cache(maxsize=8)(self._answer)

    def of(self, row: Row) -> Iterator[tuple[str, str]]:
        """What the archive holds for one feed row: (locator, the text there) pairs, after (request, body)."""
        (method, url, fetched_at, sha256) = self._connection.execute(
            "select method, url, fetched_at, sha256 from feeds.ledger where fetch_id = ?", [row["fetch_id"]]
        ).fetchone() or ("", "", None, None)
        yield f"{method} {url}", f"fetched {fetched_at} UTC, sha256 {sha256}"
        answer = self._answer_of(row["fetch_id"])
        for locator in row["locator"].split():
            yield locator, fragment(answer, locator)

    def _answer(self, fetch_id: str) -> Answer:
        if fetch_id not in self._entries:
            place = self._archive.path
            raise BadUsage(f"{place} does not hold {fetch_id}: it is not the archive that the file was built of.")
        return self._archive.answer(self._entries[fetch_id])


def _said(key: Row) -> str:
    return " ".join(f"{name}={value}" for name, value in key.items())
