"""From contracts to DuckDB tables. Belongs here: column types, table definitions, comments."""

from __future__ import annotations

import dataframely as dy
import duckdb
import polars as pl

from pipelines.tables.base import Observe, Table
from pipelines.tables.ledger import Asked, Ledger

RUN_COLUMNS = {
    "run_number": ("INTEGER", "1, 2, 3 … for each key: the runs of equal observations in the order seen"),
    "last_seen_at": ("TIMESTAMP", "UTC instant of the last answer that still said so"),
    "last_fetch_id": ("VARCHAR", "The last answer that still said so (feeds.ledger)"),
}
"""What an observed table has beside its contract: its rows are runs, not single observations."""

META = """
create schema if not exists feeds;
create schema if not exists meta;
create table if not exists meta.loads (
    table_name varchar, position integer, fetch_id varchar, outcome varchar, reason varchar, reader varchar);
create table if not exists meta.rejected_rows (
    table_name varchar, rule varchar, reason varchar, row_json varchar, fetch_id varchar, locator varchar);
create table if not exists meta.unknown_names (
    source_id varchar, kind varchar, source_name varchar, table_name varchar, fetch_id varchar, rows bigint);
create table if not exists meta.incidents (
    run_id varchar, table_name varchar, outcome varchar, request varchar, reason varchar, next_step varchar,
    fetch_id varchar, fetched_at timestamp);
"""


STORED_AS: dict[type[pl.DataType], str] = {
    pl.String: "VARCHAR",
    pl.Date: "DATE",
    pl.Datetime: "TIMESTAMP",
    pl.Boolean: "BOOLEAN",
    pl.Int32: "INTEGER",
    pl.Int64: "BIGINT",
    pl.Float64: "DOUBLE",
}


COMPRESSION = {"DECIMAL(38,0)": " using compression uncompressed"}
"""Raw chain units read some twenty times faster so than bit-packed (DuckDB 1.5.5)."""


def duckdb_type(kind: pl.DataType) -> str:
    """The DuckDB type that a column of a contract is stored in. Raises `KeyError` for any other type."""
    if isinstance(kind, pl.Decimal):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if isinstance(kind, pl.List):
        return f"{duckdb_type(kind.inner() if isinstance(kind.inner, type) else kind.inner)}[]"
    return STORED_AS[type(kind)]


def columns_of(contract: type[dy.Schema]) -> dict[str, tuple[str, str, bool]]:
    """Name -> (DuckDB type, description, nullable) of everything that is stored for a contract."""
    columns = {
        name: (duckdb_type(column.dtype), column.description or "", column.nullable)
        for name, column in contract.columns().items()
    }
    if issubclass(contract, Table) and isinstance(contract.load, Observe):
        columns |= {name: (kind, text, False) for name, (kind, text) in RUN_COLUMNS.items()}
    return columns


def create_table(connection: duckdb.DuckDBPyConnection, relation: str, contract: type[dy.Schema]) -> None:
    """Make a table of schema `feeds` with its comments."""
    columns = columns_of(contract)
    lines = [
        f"{name} {kind}{'' if nullable else ' not null'}{COMPRESSION.get(kind, '')}"
        for name, (kind, _, nullable) in columns.items()
    ]
    connection.execute(f"create table {relation} ({', '.join(lines)})")
    summary = (contract.__doc__ or "").strip().splitlines()[0]
    connection.execute(f"comment on table {relation} is {_quoted(summary)}")
    for name, (_, description, _) in columns.items():
        connection.execute(f"comment on column {relation}.{name} is {_quoted(description)}")


def stands_as(connection: duckdb.DuckDBPyConnection, relation: str, contract: type[dy.Schema]) -> bool:
    """Whether the table has exactly the columns of its contract."""
    schema, name = relation.split(".")
    rows = connection.execute(
        "select column_name, data_type from duckdb_columns() where schema_name = ? and table_name = ?"
        " order by column_index",
        [schema, name],
    ).fetchall()
    return rows == [(column, kind) for column, (kind, _, _) in columns_of(contract).items()]


def create_all(connection: duckdb.DuckDBPyConnection, tables: dict[str, type[Table]]) -> None:
    """All schemas and tables, empty where they are new."""
    connection.execute(META)
    standing = connection.execute("select table_name from duckdb_tables() where schema_name = 'feeds'").fetchall()
    for name, contract in {"ledger": Ledger, "asked": Asked, **tables}.items():
        if (name,) not in standing:
            create_table(connection, f"feeds.{name}", contract)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
