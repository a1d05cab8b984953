"""Our decoder on the logs of one event, timed as the peers' are (peers/decode_*.py); with `sql`, DuckDB's SQL instead.

Both read Parquet with topic0 to topic3 and data as hex text, and write every value as text.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import duckdb
import polars as pl

from pipelines.evm.decode import decode
from pipelines.evm.signatures import Event


def timed(decoded: Callable[[pl.DataFrame], pl.DataFrame], logs: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, float]]:
    decoded(logs.head(1000))
    cpu, wall = time.process_time(), time.perf_counter()
    read = decoded(logs)
    return read, {"cpu_seconds": time.process_time() - cpu, "wall_seconds": time.perf_counter() - wall}


def by_house(logs: pl.DataFrame, declaration: str) -> tuple[pl.DataFrame, dict[str, float]]:
    """Texts of all arguments; a Decimal that differs from its text, or a fault, is a row that cannot be equal."""
    event = Event.parse(declaration)
    read, took = timed(lambda frame: decode(event, frame), logs)
    for argument in event.arguments:
        if argument.is_number:
            text = pl.col(f"{argument.name}_text")
            is_same = pl.col(argument.name).cast(pl.String).eq(text) | pl.col(argument.name).is_null()
            read = read.with_columns(pl.when(is_same).then(text).alias(argument.name))
    names = [argument.name for argument in event.arguments]
    return read.select(pl.when(pl.col("fault").is_null()).then(pl.col(name)).alias(name) for name in names), took


def by_sql(logs: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, float]]:
    """A Transfer: DuckDB 1.5 reads hex of up to 16 digits, so that an amount is put together from four quarters."""
    limbs = [f"('0x' || substr(data, {3 + 16 * n}, 16))::ubigint" for n in range(4)]
    halves = [f"{limbs[n]}::uhugeint * 18446744073709551616 + {limbs[n + 1]}" for n in (0, 2)]
    connection = duckdb.connect(config={"threads": 2})
    connection.register("given", logs)
    connection.execute("create table logs as from given")
    select = (
        "create or replace table out as select"
        " '0x' || substr(topic1, 27) as 'from', '0x' || substr(topic2, 27) as 'to',"
        f" {halves[0]} as high, {halves[1]} as low from logs"
    )
    cpu, wall = time.process_time(), time.perf_counter()
    connection.execute(select)
    took = {"cpu_seconds": time.process_time() - cpu, "wall_seconds": time.perf_counter() - wall}
    rows = connection.execute('select "from", "to", high::varchar, low::varchar from out').fetchall()
    texts = [(sender, receiver, str((int(high) << 128) + int(low))) for sender, receiver, high, low in rows]
    return pl.DataFrame(texts, schema=["from", "to", "value"], orient="row"), took


def main(given: str, out: str, declaration: str, how: str = "house") -> None:
    logs = pl.read_parquet(given)
    read, took = by_sql(logs) if how == "sql" else by_house(logs, declaration)
    read.write_parquet(out)
    print(json.dumps(took))


if __name__ == "__main__":
    main(*sys.argv[1:])
