"""`outcrop query`, `explain` and `digest`: what the published file says, and on what it stands.

Belongs here: reading and printing. Nothing here writes into a home.
"""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import click
import duckdb
from rich.markup import escape
from rich.tree import Tree

from pipelines.cli.console import OUT, UserError
from pipelines.cli.options import home_options
from pipelines.receipts import Step, bytes_of, trace
from pipelines.runtime import BadUsage, Runtime
from pipelines.settings import Settings
from pipelines.transport.archive import Archive
from pipelines.warehouse.reader import digests, reading

COPY_OPTIONS = {"csv": "format csv, header", "json": "format json", "parquet": "format parquet"}
FORMATS = ("table", *COPY_OPTIONS)
LINEAGE_COLUMNS = ("source_id", "fetch_id", "locator", "last_fetch_id")


def _runtime(options: dict[str, Any]) -> Runtime:
    return Runtime(Settings(**{name: value for name, value in options.items() if value is not None}))


@click.command()
@click.argument("sql")
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the rows to this file.")
@home_options
def query(sql: str, form: str, out: Path | None, **options: Any) -> None:
    """Read-only SQL on the published file."""
    if form == "parquet" and out is None:
        raise BadUsage("Parquet is not for the screen: add --out FILE")
    with reading(_runtime(options).home) as connection:
        try:
            if connection.sql(sql) is None:
                raise BadUsage("That statement returns no rows; the published file is read-only.")
            _write(connection, sql, form, out)
        except duckdb.Error as error:
            raise UserError(f"DuckDB: {error}", 2) from error


def _write(connection: duckdb.DuckDBPyConnection, sql: str, form: str, out: Path | None) -> None:
    if form == "table":
        width = OUT.width if OUT.is_terminal else 10_000
        with redirect_stdout(out.open("w", encoding="utf-8") if out else sys.stdout):
            connection.sql(sql).show(max_rows=1_000, max_width=width)
        return
    target = str(out).replace("'", "''") if out else "/dev/stdout"
    connection.execute(f"copy ({sql.strip().rstrip(';')}) to '{target}' ({COPY_OPTIONS[form]})")


@click.command()
@home_options
def digest(**options: Any) -> None:
    """One line for each mart: its rows, and a digest over all columns that no order of rows changes."""
    for name, rows, sha256 in digests(_runtime(options).home):
        sys.stdout.write(f"{name} {rows} {sha256}\n")


@click.command()
@click.argument("mart")
@click.argument("key", nargs=-1, required=True, metavar="COLUMN=VALUE...")
@click.option("--column", help="Only what this column stands on.")
@home_options
def explain(mart: str, key: tuple[str, ...], column: str | None, **options: Any) -> None:
    """The receipt of a number: from a row of MART down to the archived bytes."""
    runtime = _runtime(options)
    relation = mart if "." in mart else f"marts.{mart}"
    with reading(runtime.home) as connection:
        step = trace(connection, relation, _key(key), column)
        tree = Tree(_title(step))
        _grow(tree, step, column, connection, Archive(_archive_of(runtime), read_only=True))
    OUT.print(tree)


def _archive_of(runtime: Runtime) -> Path:
    return runtime.settings.archive_dir


def _key(words: tuple[str, ...]) -> dict[str, str]:
    pairs = [word.partition("=") for word in words]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise BadUsage(f"{' '.join(wrong)}: a key is written as column=value, such as fund_id=ibit")
    return {name: value for name, _, value in pairs}


def _title(step: Step) -> str:
    return f"[bold]{step.relation}[/]  " + escape(" ".join(f"{name}={value}" for name, value in step.key.items()))


def _grow(tree: Tree, step: Step, column: str | None, connection: duckdb.DuckDBPyConnection, archive: Archive) -> None:
    for row in step.rows:
        shown = {name: value for name, value in row.items() if name not in (*step.key, *LINEAGE_COLUMNS)}
        if column is not None:
            shown = {column: row[column]}
        tree.add(escape("  ".join(f"{name}={value}" for name, value in shown.items() if value is not None)))
        if step.relation.startswith("feeds."):
            for where, text in bytes_of(connection, archive, row):
                tree.add(f"[green]{escape(where)}[/]  {escape(text)}")
    for below in step.below:
        _grow(tree.add(_title(below)), below, None, connection, archive)
