"""Tables that are counted from many answers together: their bodies, as a load writes them.

Belongs here: which answers are gathered, and to which of them a row is ascribed.
Not here: the sets and what they come to (address_sets.py, chain_periods.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.address_sets import AddressSets
from pipelines.chain_periods import stats_of
from pipelines.evm import calls as rpc
from pipelines.feeds.base import ASKED
from pipelines.reading import Part, Reading
from pipelines.tables.base import check
from pipelines.transport.archive import Archive
from pipelines.warehouse.batch import Body
from pipelines.wire import Answer, Request

FOLDER = "sets"


def gathered(readings: Mapping[str, Reading], archive: Archive, build: Path, reader: str) -> Iterator[Part]:
    """All bodies of each table that is filled anew from its answers together; none where no answer is new."""
    for table_name, reading in readings.items():
        if reading.feed.gathers and reading.is_anew:
            bodies = _bodies(reading, archive, build / FOLDER, reader)
            for body in bodies:
                reading.note(body)
            yield {table_name: bodies}


def _bodies(reading: Reading, archive: Archive, folder: Path, reader: str) -> list[Body]:
    """Every answer as a body; the last one of a period has its rows."""
    rows = reading.rows.to_dicts()
    told: dict[str, Body] = {}
    registry = reading.feed.registry
    for chain_id, mine in _by_chain(reading, rows).items():
        rules = [rule for rule in registry.system_transactions if rule.chain_id == chain_id]
        sets = AddressSets(folder / chain_id, reader, rules, archive.answer)
        sets.update(mine)
        told |= {name: Body(name, one.outcome, one.reason) for name, one in sets.refused.items()}
        good = [row for row in mine if row["fetch_id"] not in told]
        places = pl.DataFrame(
            [(row["fetch_id"], place) for place, row in enumerate(good)],
            schema={"fetch_id": pl.String, "place": pl.Int64},
            orient="row",
        )
        stats = stats_of(sets, places, chain_id, registry.chains[chain_id].gas_asset_id)
        by_id = {row["fetch_id"]: row for row in good}
        for (fetch_id,), of_answer in stats.group_by("fetch_id", maintain_order=True) if stats.height else ():
            told[str(fetch_id)] = _body(reading, by_id[str(fetch_id)], of_answer.drop("fetch_id"))
    return [told.get(row["fetch_id"]) or _silent(reading, row) for row in rows]


def _by_chain(reading: Reading, rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    chains: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        number, _ = rpc.calls_of(Request("", body=row["request_body"]))
        if chain_id := reading.feed.registry.chain_of_evm_id.get(number):
            chains.setdefault(chain_id, []).append(row)
    return chains


def _body(reading: Reading, row: Mapping[str, Any], stats: pl.DataFrame) -> Body:
    """The rows of the periods of which this was the last answer; the days among them are covered."""
    feed = reading.feed
    answer = Answer(Request(""), row["fetch_id"], row["fetched_at"], 200, "", "", row["sha256"], b"")
    checked = check(feed.delivers, stats, feed.source, answer)
    day = pl.col("period_start").cast(pl.Datetime("us"))
    asked = (
        checked.rows.filter(pl.col("period") == "day")
        .select(
            entity_id="chain_id",
            from_at=day,
            to_at=day + timedelta(days=1),
            from_block=pl.lit(None, pl.Int64),
            to_block=pl.lit(None, pl.Int64),
        )
        .unique(maintain_order=True)
    )
    return replace(_of(reading, row, checked.rows, asked), rejected=checked.rejected)


def _silent(reading: Reading, row: Mapping[str, Any]) -> Body:
    empty = reading.feed.delivers.create_empty()
    return _of(reading, row, empty, pl.DataFrame(schema=ASKED))


def _of(reading: Reading, row: Mapping[str, Any], rows: pl.DataFrame, asked: pl.DataFrame) -> Body:
    source = pl.lit(reading.feed.source)
    return Body(row["fetch_id"], rows=rows, asked=asked.with_columns(source_id=source))
