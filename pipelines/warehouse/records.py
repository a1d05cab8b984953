"""What a load leaves beside its rows: the bodies read, what was set aside, what was asked, what went wrong.

Belongs here: writing of `meta.loads`, `meta.rejected_rows`, `meta.unknown_names`, `meta.incidents`, `feeds.asked` and
`feeds.ledger`.
Not here: the rows themselves (writer.py).
"""

from __future__ import annotations

import duckdb
import polars as pl

from pipelines.tables.base import REJECTED
from pipelines.tables.ledger import Asked, Ledger
from pipelines.warehouse.batch import Body, Notes


def record(connection: duckdb.DuckDBPyConnection, table_name: str, bodies: list[Body], reader: str) -> None:
    """The bodies themselves, what they cover, and what was set aside."""
    (done,) = connection.execute(
        "select cast(count(*) as integer) from meta.loads where table_name = ?", [table_name]
    ).fetchone() or (0,)
    told = [(done + n, body.fetch_id, str(body.outcome), body.reason) for n, body in enumerate(bodies)]
    schema = {"position": pl.Int32, "fetch_id": pl.String, "outcome": pl.String, "reason": pl.String}
    loads = pl.DataFrame(told, schema=schema, orient="row")
    owner = {"table_name": pl.lit(table_name)}
    insert(connection, "meta.loads", loads.with_columns(**owner, reader=pl.lit(reader)))
    if rejected := _of_all(bodies, "rejected"):
        insert(connection, "meta.rejected_rows", pl.concat(rejected).select("fetch_id", *REJECTED, **owner))
    if unknown := _of_all(bodies, "unknown"):
        _count_unknown(connection, pl.concat(unknown).with_columns(**owner))
    if asked := _of_all(bodies, "asked"):
        insert(connection, "feeds.asked", pl.concat(asked).with_columns(**owner).select(Asked.column_names()))


def _of_all(bodies: list[Body], name: str) -> list[pl.DataFrame]:
    """One kind of frame of all bodies that have rows of it, in order, each with its fetch_id and outcome."""
    return [
        getattr(body, name).with_columns(fetch_id=pl.lit(body.fetch_id), outcome=pl.lit(str(body.outcome)))
        for body in bodies
        if getattr(body, name).height
    ]


def _count_unknown(connection: duckdb.DuckDBPyConnection, names: pl.DataFrame) -> None:
    """One row for each unknown name of a table: the answer that brought it first, and its rows in all answers."""
    by_name = names.group_by("table_name", "source_id", "kind", "source_name", maintain_order=True)
    connection.register("incoming", by_name.agg(pl.col("fetch_id").first(), pl.col("rows").sum()))
    connection.execute(
        "merge into meta.unknown_names as known using incoming"
        " on known.table_name = incoming.table_name and known.source_name = incoming.source_name"
        " when matched then update set rows = known.rows + incoming.rows when not matched then insert by name"
    )
    connection.unregister("incoming")


def note(connection: duckdb.DuckDBPyConnection, notes: Notes) -> None:
    """Every attempt of the feed, and the incidents of this run."""
    if notes.ledger is not None:
        connection.execute("delete from feeds.ledger where list_contains(table_names, ?)", [notes.table_name])
        insert(connection, "feeds.ledger", notes.ledger.select(Ledger.column_names()))
    connection.execute("delete from meta.incidents where table_name = ?", [notes.table_name])
    for incident in notes.incidents:
        values = [notes.run_id, notes.table_name, *vars(incident).values()]
        connection.execute("insert into meta.incidents values (?, ?, ?, ?, ?, ?, ?, ?)", values)


def insert(connection: duckdb.DuckDBPyConnection, relation: str, frame: pl.DataFrame) -> None:
    """A frame into a relation, column by name."""
    connection.register("incoming", frame)
    connection.execute(f"insert into {relation} by name select * from incoming")
    connection.unregister("incoming")
