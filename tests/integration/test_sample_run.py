"""`outcrop run` in a fresh home, once more, and from the archive alone: what is published, and that it is the same."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import duckdb
from house import Again, Built, rows

PUBLIC_SCHEMAS = {"feeds", "intermediate", "marts", "seeds", "meta"}


def test_a_run_in_a_fresh_home_publishes_and_says_what_to_try_next(sample: Built) -> None:
    assert sample.ran.status == 0
    assert "Net flow" in sample.ran.out
    assert "simulated" in sample.ran.out
    assert "Try next:" in sample.ran.out
    assert "\x1b[" not in sample.ran.text, "colours in a pipe"
    assert "Traceback" not in sample.ran.text


def test_the_published_file_holds_tables_only_in_the_five_public_schemas(sample: Built) -> None:
    tables = rows(sample.home, "select schema_name, table_name from duckdb_tables()")
    assert {schema for schema, _ in tables} == PUBLIC_SCHEMAS
    assert rows(sample.home, "select view_name from duckdb_views() where not internal") == []
    own_macros = "select function_name from duckdb_functions() where not internal and database_name = 'outcrop'"
    assert rows(sample.home, own_macros) == []
    schemas = rows(sample.home, "select schema_name from duckdb_schemas() where not internal")
    assert {schema for (schema,) in schemas} - {"main"} == PUBLIC_SCHEMAS


def test_the_file_says_that_it_is_simulated_and_covers_2024(sample: Built) -> None:
    [build] = rows(sample.home, "select mode, is_simulated, window_first, window_last, as_of::date from meta.build")
    assert build == ("sample", True, date(2024, 1, 1), date(2024, 12, 31), date(2025, 1, 31))
    [(first, last)] = rows(sample.home, "select min(trade_date), max(trade_date) from marts.etf_flows")
    assert (first, last) == (date(2024, 1, 11), date(2024, 12, 31))
    [(beyond,)] = rows(sample.home, "select count(*) from feeds.farside__etf_flows where trade_date > '2024-12-31'")
    assert beyond > 0, "the window slices the mart, not the feed"


def test_every_column_of_every_mart_is_described(sample: Built) -> None:
    blank = (
        "select table_name, column_name from duckdb_columns()"
        " where schema_name in ('marts', 'feeds') and coalesce(trim(comment), '') = ''"
    )
    assert rows(sample.home, blank) == []


def test_the_file_works_under_any_name(sample: Built, tmp_path: Path) -> None:
    other = tmp_path / "renamed.duckdb"
    shutil.copyfile(sample.home / "outcrop.duckdb", other)
    for file in (sample.home / "outcrop.duckdb", other):
        with duckdb.connect() as connection:
            connection.execute(f"attach '{file}' as borrowed (read_only)")
            tables = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
            counts = [
                connection.execute(f"select count(*) from borrowed.{schema}.{table}").fetchone()
                for schema, table in tables
            ]
        assert len(counts) > 10
        assert max(counts) > (2000,)


def test_a_second_run_asks_nothing_and_changes_no_figure(again: Again) -> None:
    before, after = again.archives
    assert again.second.status == 0
    assert after == before
    assert ": asked" not in again.second.out
    assert again.digests[1] == again.digests[0]


def test_the_archive_alone_gives_the_same_marts(again: Again) -> None:
    assert again.reloaded.status == 0, again.reloaded.text
    assert again.digests[2] == again.digests[0]


def test_a_reader_never_fails_while_the_file_is_replaced(again: Again) -> None:
    reader = again.reader
    assert reader.failures == []
    assert reader.reads > 20
    assert len(reader.builds) == 2, "the old file and then the new one"
    assert reader.builds[0][0] < reader.builds[1][0]
    assert reader.builds[0][1] == reader.builds[1][1]
