"""The one writer of the working file: what a feed's bodies came to, in one transaction for each feed.

Belongs here: the state of loading (`meta.loads`), `observe` and `replace` as writes.
Not here: what is noted beside the rows (records.py), parsing (ingest), models (dbt), the published file (publish.py).
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl

from pipelines.tables.base import Observe, Replace, Table
from pipelines.warehouse.batch import Body, Loads, Notes, Standing
from pipelines.warehouse.ddl import columns_of, create_all, create_table, stands_as
from pipelines.warehouse.records import note, record
from pipelines.warehouse.runs import merge_runs
from pipelines.wire import Outcome

CONFIG: dict[str, str | bool | int | float | list[str]] = {"threads": 2, "memory_limit": "400MB"}
"""Rows on their way to the file go to disk early instead of filling the memory."""


class Warehouse:
    """The working file of a home. It is opened late and closed early: each method is one short visit."""

    def __init__(self, file: Path, tables: dict[str, type[Table]]) -> None:
        self.file = file
        self.tables = tables

    @contextmanager
    def writing(self) -> Generator[duckdb.DuckDBPyConnection, None, None]:
        """A connection inside one transaction, with every table of a registered feed in place."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(self.file, config=CONFIG) as connection:
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

    def load(
        self, parts: Iterable[Mapping[str, list[Body]]], reader: str, anew: Collection[str] = ()
    ) -> dict[str, int]:
        """Write what bodies came to, by table and in (fetched_at, sha256) order; returns the rows written.

        One transaction: a killed load leaves what stood. Tables `anew` are emptied first.
        """
        written: dict[str, int] = {}
        with self.writing() as connection:
            for table_name in anew:
                self._empty(connection, table_name)
            for part in parts:
                for table_name, bodies in part.items():
                    record(connection, table_name, bodies, reader)
                    rows = self._write(connection, table_name, [body for body in bodies if body.outcome is Outcome.OK])
                    written[table_name] = written.get(table_name, 0) + rows
        return written

    def _write(self, connection: duckdb.DuckDBPyConnection, table_name: str, bodies: list[Body]) -> int:
        is_observed = isinstance(self.tables[table_name].load, Observe)
        write = self._observe if is_observed else self._replace
        return write(connection, table_name, bodies)

    def note(self, notes: Notes) -> None:
        """Write what a load says of its attempts."""
        with self.writing() as connection:
            note(connection, notes)

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
        """A row stands until a later answer covers its place."""
        table, relation = self.tables[table_name], f"feeds.{table_name}"
        if not bodies:
            return 0
        parts = [(pl.lit(n).alias("position"), body) for n, body in enumerate(bodies)]
        rows = pl.concat([body.rows.select(*columns_of(table), position) for position, body in parts])
        connection.register("covered", pl.concat([body.asked.with_columns(position) for position, body in parts]))
        connection.register("incoming", rows)
        is_covered = f"row.{table.entity} = covered.entity_id and {_in_range(table)}"
        connection.execute(f"delete from {relation} as row using covered where {is_covered}")
        connection.execute(
            f"insert into {relation} by name select * exclude (position) from incoming as row where not exists"
            f" (from covered where {is_covered} and covered.position > row.position)"
        )
        connection.unregister("covered")
        connection.unregister("incoming")
        return rows.height


def _in_range(table: type[Table]) -> str:
    """SQL: whether a row lies in a covered range; blocks include the last one, instants do not."""
    if isinstance(table.load, Replace) and table.load.by:
        return f"row.{table.load.by} between covered.from_block and covered.to_block"
    return f"row.{table.at} >= covered.from_at and row.{table.at} < covered.to_at"
