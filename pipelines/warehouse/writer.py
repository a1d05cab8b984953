"""The one writer of the working file: what a feed's bodies came to, in one transaction for each feed.

Belongs here: the state of loading (`meta.loads`), `observe` and `replace` as writes.
Not here: parsing (ingest), models (dbt), the published file (publish.py).
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import duckdb
import polars as pl

from pipelines.tables.base import REJECTED, Observe, Table
from pipelines.tables.ledger import Asked, Ledger
from pipelines.warehouse.ddl import columns_of, create_all, create_table, stands_as
from pipelines.warehouse.runs import merge_runs
from pipelines.wire import Outcome


@dataclass(frozen=True)
class Body:
    """What one archived body came to. A refused body has no rows, but an outcome and a reason."""

    fetch_id: str
    outcome: Outcome = Outcome.OK
    reason: str | None = None
    rows: pl.DataFrame = field(default_factory=pl.DataFrame)
    rejected: pl.DataFrame = field(default_factory=pl.DataFrame)
    unknown: pl.DataFrame = field(default_factory=pl.DataFrame)
    asked: pl.DataFrame = field(default_factory=pl.DataFrame)


@dataclass(frozen=True)
class Incident:
    """A failed request or a refused body, and what to do about it."""

    outcome: str
    request: str
    reason: str
    next_step: str
    fetch_id: str
    fetched_at: datetime


@dataclass(frozen=True)
class Batch:
    """Everything that one load of a feed writes, in one transaction.

    `bodies` are in (fetched_at, sha256) order; with `restart` they are all there are and the table is filled
    anew. `ledger` holds every attempt of the feed, columns of `tables.ledger.Ledger`.
    """

    feed_id: str
    table_name: str
    bodies: list[Body]
    ledger: pl.DataFrame
    incidents: list[Incident]
    reader: str
    run_id: str
    restart: bool


@dataclass(frozen=True)
class Loads:
    """The bodies that a table was filled from, in order, and the code that read them."""

    fetch_ids: list[str] = field(default_factory=list)
    outcomes: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    readers: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Standing:
    """A table as it is: its rows and days, and what was set aside while it was filled."""

    rows: int
    first_day: date | None
    last_day: date | None
    rejected_rows: int
    unknown_names: list[str]


class Warehouse:
    """The working file of a home. It is opened late and closed early: each method is one short visit."""

    def __init__(self, file: Path, tables: dict[str, type[Table]]) -> None:
        self.file = file
        self.tables = tables

    @contextmanager
    def writing(self) -> Generator[duckdb.DuckDBPyConnection, None, None]:
        """A connection inside one transaction, with every table of a registered feed in place."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(self.file, config={"threads": 2}) as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.begin()
            create_all(connection, self.tables)
            yield connection
            connection.commit()

    def loads(self, table_name: str) -> Loads:
        """What the table was filled from; nothing where its shape is no longer that of its contract."""
        with self.writing() as connection:
            if not stands_as(connection, f"feeds.{table_name}", self.tables[table_name]):
                return Loads()
            rows = connection.execute(
                "select fetch_id, outcome, reason, reader from meta.loads where table_name = ? order by position",
                [table_name],
            ).fetchall()
        return Loads(
            fetch_ids=[row[0] for row in rows],
            outcomes={row[0]: (row[1], row[2]) for row in rows},
            readers={row[3] for row in rows},
        )

    def rows(self) -> int:
        """Rows of all feeds together."""
        with self.writing() as connection:
            counts = (f"select count(*) as n from feeds.{name}" for name in self.tables)
            query = f"select cast(sum(n) as bigint) from ({' union all '.join(counts)})"
            (total,) = connection.execute(query).fetchone() or (0,)
        return int(total)

    def standing(self, table_name: str) -> Standing:
        """How a table stands now."""
        at = self.tables[table_name].at
        with self.writing() as connection:
            rows, first_day, last_day = connection.execute(
                f"select count(*), min({at}), max({at}) from feeds.{table_name}"
            ).fetchone() or (0, None, None)
            (rejected,) = connection.execute(
                "select count(*) from meta.rejected_rows where table_name = ?", [table_name]
            ).fetchone() or (0,)
            unknown = connection.execute(
                "select source_name from meta.unknown_names where table_name = ? order by 1",
                [table_name],
            ).fetchall()
        return Standing(rows, first_day, last_day, rejected, [name for (name,) in unknown])

    def load(self, batch: Batch) -> int:
        """Write a batch; returns the rows written. A killed load leaves what stood."""
        table = self.tables[batch.table_name]
        good = [body for body in batch.bodies if body.outcome is Outcome.OK]
        with self.writing() as connection:
            if batch.restart:
                self._empty(connection, batch.table_name)
            _record(connection, batch)
            _note(connection, batch)
            if isinstance(table.load, Observe):
                return self._observe(connection, batch.table_name, good)
            return self._replace(connection, batch.table_name, good)

    def _empty(self, connection: duckdb.DuckDBPyConnection, table_name: str) -> None:
        connection.execute(f"drop table feeds.{table_name}")
        create_table(connection, f"feeds.{table_name}", self.tables[table_name])
        for relation in ("meta.loads", "meta.rejected_rows", "meta.unknown_names", "feeds.asked"):
            connection.execute(f"delete from {relation} where table_name = ?", [table_name])

    def _observe(self, connection: duckdb.DuckDBPyConnection, table_name: str, bodies: list[Body]) -> int:
        table, relation = self.tables[table_name], f"feeds.{table_name}"
        parts = [body.rows.with_columns(position=pl.lit(n)) for n, body in enumerate(bodies) if body.rows.height]
        if not parts:
            return 0
        newest = connection.sql(
            f"select * from {relation} as run where run_number = (select max(run_number) from {relation} as other"
            f" where {' and '.join(f'other.{name} = run.{name}' for name in table.primary_key())})"
        ).pl()
        runs = merge_runs(table, newest, pl.concat(parts))
        connection.register("runs", runs)
        key = " and ".join(f"stored.{name} = runs.{name}" for name in (*table.primary_key(), "run_number"))
        connection.execute(
            f"merge into {relation} as stored using runs on {key}"
            " when matched then update set last_seen_at = runs.last_seen_at, last_fetch_id = runs.last_fetch_id"
            " when not matched then insert by name"
        )
        connection.unregister("runs")
        return runs.height

    def _replace(self, connection: duckdb.DuckDBPyConnection, table_name: str, bodies: list[Body]) -> int:
        table, relation = self.tables[table_name], f"feeds.{table_name}"
        for body in bodies:
            connection.register("covered", body.asked)
            connection.execute(
                f"delete from {relation} as old using covered where old.{table.entity} = covered.entity_id"
                f" and old.{table.at} >= covered.from_at and old.{table.at} < covered.to_at"
            )
            connection.unregister("covered")
            _insert(connection, relation, body.rows.select(list(columns_of(table))))
        return sum(body.rows.height for body in bodies)


def _record(connection: duckdb.DuckDBPyConnection, batch: Batch) -> None:
    """The bodies themselves, what they cover, and what was set aside."""
    owner = pl.lit(batch.table_name).alias("table_name")
    (done,) = connection.execute(
        "select count(*) from meta.loads where table_name = ?", [batch.table_name]
    ).fetchone() or (0,)
    for position, body in enumerate(batch.bodies, start=done):
        fetch = pl.lit(body.fetch_id).alias("fetch_id")
        connection.execute(
            "insert into meta.loads values (?, ?, ?, ?, ?, ?)",
            [batch.table_name, position, body.fetch_id, str(body.outcome), body.reason, batch.reader],
        )
        if body.rejected.height:
            _insert(connection, "meta.rejected_rows", body.rejected.select(owner, *REJECTED, fetch))
        if body.unknown.height:
            _count_unknown(connection, body.unknown.with_columns(owner, fetch))
        if body.asked.height:
            asked = body.asked.with_columns(owner, fetch, outcome=pl.lit(str(body.outcome)))
            _insert(connection, "feeds.asked", asked.select(Asked.column_names()))


def _count_unknown(connection: duckdb.DuckDBPyConnection, names: pl.DataFrame) -> None:
    """One row for each unknown name of a table: the answer that brought it first, and its rows in all answers."""
    connection.register("incoming", names)
    connection.execute(
        "merge into meta.unknown_names as known using incoming"
        " on known.table_name = incoming.table_name and known.source_name = incoming.source_name"
        " when matched then update set rows = known.rows + incoming.rows when not matched then insert by name"
    )
    connection.unregister("incoming")


def _note(connection: duckdb.DuckDBPyConnection, batch: Batch) -> None:
    """Every attempt of the feed, and the incidents of this run."""
    connection.execute("delete from feeds.ledger where source_id || '/' || entity = ?", [batch.feed_id])
    _insert(connection, "feeds.ledger", batch.ledger.select(Ledger.column_names()))
    connection.execute("delete from meta.incidents where table_name = ?", [batch.table_name])
    for incident in batch.incidents:
        values = [batch.run_id, batch.table_name, *vars(incident).values()]
        connection.execute("insert into meta.incidents values (?, ?, ?, ?, ?, ?, ?, ?)", values)


def _insert(connection: duckdb.DuckDBPyConnection, relation: str, frame: pl.DataFrame) -> None:
    connection.register("incoming", frame)
    connection.execute(f"insert into {relation} by name select * from incoming")
    connection.unregister("incoming")
