"""`outcrop query`, `explain` and `digest`: what the published file says, and on what it stands.

Belongs here: reading and printing. Nothing here writes into a home.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import duckdb

from pipelines.cli.console import OUT, UserError
from pipelines.cli.options import home_options, reading_runtime
from pipelines.receipts import Evidence, Step, trace
from pipelines.runtime import BadUsage
from pipelines.transport.archive import Archive
from pipelines.warehouse.reader import digests, reading

COPY_OPTIONS = {"csv": "format csv, header", "json": "format json", "parquet": "format parquet"}
FORMATS = ("table", *COPY_OPTIONS)
READING = ([duckdb.StatementType.SELECT], [duckdb.StatementType.EXPLAIN])
MOST_SHOWN = 1000
LINEAGE_COLUMNS = ("source_id", "fetch_id", "locator", "last_fetch_id")


@click.command()
@click.argument("sql")
@click.option("--format", "form", type=click.Choice(FORMATS), help="[default: table, or as --out is named]")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the rows to this file.")
@home_options
def query(sql: str, form: str | None, out: Path | None, **options: Any) -> None:
    """Read-only SQL on the published file."""
    form = form or (out.suffix.removeprefix(".") if out else "table")
    if form not in FORMATS:
        raise BadUsage(f"{out} names none of the formats {', '.join(FORMATS)}: add --format")
    if form == "parquet" and out is None:
        raise BadUsage("Parquet is not for the screen: add --out FILE")
    if out is not None and not out.absolute().parent.is_dir():
        raise BadUsage(f"There is no folder {out.absolute().parent} to write {out.name} into.")
    with reading(reading_runtime(options).home) as connection:
        try:
            if [statement.type for statement in connection.extract_statements(sql)] not in READING:
                raise BadUsage("Give one statement that asks for rows: the published file is read-only.")
            _write(connection, sql.strip().rstrip(";"), form, out)
        except duckdb.Error as error:
            raise UserError(f"DuckDB: {error}", 2) from error


def _write(connection: duckdb.DuckDBPyConnection, sql: str, form: str, out: Path | None) -> None:
    if form == "table":
        rows, width = (1_000, OUT.width if OUT.is_terminal else 10_000) if out is None else (10**9, 10**6)
        with redirect_stdout(out.open("w", encoding="utf-8") if out else sys.stdout):
            connection.sql(sql).show(max_rows=rows, max_width=width)
        return
    with TemporaryDirectory() as folder:
        target = out or Path(folder) / "rows"
        name = str(target).replace("'", "''")
        connection.execute(f"copy (\n{sql}\n) to '{name}' ({COPY_OPTIONS[form]})")
        if out is None:
            sys.stdout.write(target.read_text(encoding="utf-8"))


@click.command()
@home_options
def digest(**options: Any) -> None:
    """One line for each mart: its rows, and a digest over all columns that no order of rows changes."""
    for name, rows, sha256 in digests(reading_runtime(options).home):
        sys.stdout.write(f"{name} {rows} {sha256}\n")


@click.command()
@click.argument("mart")
@click.argument("key", nargs=-1, required=True, metavar="COLUMN=VALUE...")
@click.option("--column", help="Only what this column stands on.")
@home_options
def explain(mart: str, key: tuple[str, ...], column: str | None, **options: Any) -> None:
    """The receipt of a number: from a row of MART down to the archived bytes."""
    runtime = reading_runtime(options)
    relation = mart if "." in mart else f"marts.{mart}"
    with reading(runtime.home) as connection:
        try:
            step = trace(connection, relation, _key(key), column)
        except duckdb.Error as error:
            raise BadUsage(f"{relation} cannot be asked for {' '.join(key)}. DuckDB: {error}") from error
        evidence = Evidence(connection, Archive(runtime.settings.archive_dir, read_only=True))
        for depth, line in _lines(step, column, evidence):
            OUT.print("  " * depth + line, markup=False)


def _key(words: tuple[str, ...]) -> dict[str, str]:
    pairs = [word.partition("=") for word in words]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise BadUsage(f"{' '.join(wrong)}: a key is written as column=value, such as fund_id=ibit")
    return {name: value for name, _, value in pairs}


def _lines(step: Step, column: str | None, evidence: Evidence, depth: int = 0) -> Iterator[tuple[int, str]]:
    """The receipt as lines with their depth: relation and key, its values, and at the bottom the bytes."""
    yield depth, f"{step.relation}  {' '.join(f'{name}={value}' for name, value in step.key.items())}"
    for row in step.rows:
        shown = [name for name in row if name not in (*step.key, *LINEAGE_COLUMNS) and row[name] is not None]
        if column is not None and column in row:
            shown = [column]
        yield from ((depth + 1, f"{name} = {row[name]}") for name in shown)
        if step.relation.startswith("feeds."):
            yield from ((depth + 1, f"{where}  {_shortened(text)}") for where, text in evidence.of(row))
    for below in step.below:
        yield from _lines(below, column, evidence, depth + 1)


def _shortened(text: str) -> str:
    """A header of a block is pages long; the whole of it is in the archive."""
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]} … ({len(text):,} characters)"
