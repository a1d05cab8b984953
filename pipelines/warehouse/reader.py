"""Readers of the published file: they never wait and never lock anyone.

Belongs here: read-only access, digests, and what the file says about itself.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines.settings import Home
from pipelines.warehouse.errors import NotPublished


@contextmanager
def reading(home: Home) -> Generator[duckdb.DuckDBPyConnection, None, None]:
    """A read-only connection to the published file. Raises `NotPublished`."""
    if not home.published.exists():
        raise NotPublished(
            f"There is no published file at {home.published} yet.\n"
            "Build one: outcrop run, or for the others: --feeds live, --feeds archive --archive DIR"
        )
    with duckdb.connect(home.published, read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


@dataclass(frozen=True)
class Told:
    """An incident of the last run as `meta.incidents` has it."""

    table_name: str
    outcome: str
    request: str
    reason: str
    next_step: str


def incidents_in(connection: duckdb.DuckDBPyConnection) -> list[Told]:
    """What failed in the run that made the file."""
    query = "select table_name, outcome, request, reason, next_step from meta.incidents order by all"
    return [Told(*row) for row in connection.execute(query).fetchall()]


def incidents_of_build(build: Path) -> list[Told]:
    """The same of a working file, after a run that published nothing."""
    with duckdb.connect(build, read_only=True) as connection:
        return incidents_in(connection)


@dataclass(frozen=True)
class Known:
    """What the published file knows of a feed's attempts; nothing where there is none yet.

    `told` are all of them, `refused` those that came well and could not be read.
    """

    told: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()


def known_attempts(home: Home, feed_ids: list[str]) -> Known:
    """The attempts of some feeds up to the last publication."""
    if not home.published.exists():
        return Known()
    with reading(home) as connection:
        query = (
            "select fetch_id, outcome not in ('ok', 'no_data') from feeds.ledger"
            " where list_contains(?, source_id || '/' || entity)"
        )
        rows = connection.execute(query, [feed_ids]).fetchall()
    return Known(frozenset(row[0] for row in rows), frozenset(row[0] for row in rows if row[1]))


def digests(home: Home) -> list[tuple[str, int, str]]:
    """For each mart its name, its rows, and a digest over all columns that no order of rows changes."""
    with reading(home) as connection:
        names = connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'marts' order by table_name"
        ).fetchall()
        return [(name, *_digest(connection, name)) for (name,) in names]


def _digest(connection: duckdb.DuckDBPyConnection, mart: str) -> tuple[int, str]:
    row = connection.execute(
        "select count(*), sha256(coalesce(string_agg(line, '' order by line), ''))"
        f" from (select sha256(cast(to_json(mart) as varchar)) as line from marts.{mart} as mart)"
    ).fetchone()
    return row or (0, "")
