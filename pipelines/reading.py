"""From archived answers to what they come to: rows, what was set aside, or the reason of a refusal.

Belongs here: reading bodies some at a time and in order, so that memory does not grow with the archive.
Not here: which bodies are read (ingest.py), what a row must be (tables), writing (warehouse).
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from pipelines.feeds.base import Feed
from pipelines.tables.base import check
from pipelines.transport.archive import Archive
from pipelines.transport.screening import screen
from pipelines.warehouse.batch import Body, Loads
from pipelines.warehouse.writer import Warehouse
from pipelines.wire import Answer, BodyRefused, Outcome

log = logging.getLogger("outcrop.ingest")

READERS = 2
READ_AHEAD = 3
"""Bodies are read by so many threads, at most so many of them ahead of the writer."""
ROWS_AT_ONCE = 50_000
"""A part has at least so many rows of one table, except the last."""

Row = Mapping[str, Any]
Part = dict[str, list[Body]]
"""Some bodies one after the other, by the table that they fill."""


@dataclass
class Reading:
    """One feed while it loads: what its table was filled from, what is to be read, and what that came to."""

    feed: Feed
    before: Loads
    ledger: pl.DataFrame
    rows: pl.DataFrame
    is_anew: bool
    outcomes: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    silent: int = 0
    rejected: int = 0

    @classmethod
    def of(cls, feed: Feed, archive: Archive, warehouse: Warehouse, reader: str) -> Reading:
        ledger = archive.ledger(*feed.raw_ids)
        before = warehouse.loads(feed.table_name)
        good = _of_table(feed, archive, ledger.filter(pl.col("outcome") == Outcome.OK))
        prefix = good["fetch_id"].to_list()[: len(before.fetch_ids)]
        is_more = good.height > len(before.fetch_ids)
        is_anew = prefix != before.fetch_ids or before.readers != {reader} or (feed.gathers and is_more)
        return cls(feed, before, ledger, good if is_anew else good.slice(len(before.fetch_ids)), is_anew)

    def note(self, body: Body) -> None:
        self.outcomes[body.fetch_id] = (str(body.outcome), body.reason)
        self.silent += body.outcome is Outcome.NO_DATA
        self.rejected += body.rejected.height

    @property
    def turned(self) -> set[str]:
        """Bodies that came to another outcome than the last time they were read."""
        known = self.before.outcomes
        return {name for name, (outcome, _) in self.outcomes.items() if known.get(name, (outcome,))[0] != outcome}


def parts_of(readings: Mapping[str, Reading], answer_of: Callable[[Row], Answer]) -> Iterator[Part]:
    """What the bodies come to that some tables have still to read, in their order and in parts."""
    part: Part = {}
    rows_of: dict[str, int] = {}
    for bodies in _read_ahead(_in_order(readings), answer_of):
        for table_name, body in bodies.items():
            readings[table_name].note(body)
            part.setdefault(table_name, []).append(body)
            rows_of[table_name] = rows_of.get(table_name, 0) + body.rows.height
        if max(rows_of.values(), default=0) >= ROWS_AT_ONCE:
            yield part
            part, rows_of = {}, {}
    if part:
        yield part


def _in_order(readings: Mapping[str, Reading]) -> Iterator[tuple[Row, list[Feed]]]:
    """The rows of the ledger to be read, each with the feeds that have not read it yet."""
    readers: dict[str, list[Feed]] = {}
    by_body = [reading for reading in readings.values() if not reading.feed.gathers]
    for reading in by_body:
        for fetch_id in reading.rows["fetch_id"]:
            readers.setdefault(fetch_id, []).append(reading.feed)
    if not by_body:
        return
    ledger = by_body[0].ledger
    for row in ledger.filter(pl.col("fetch_id").is_in(sorted(readers))).iter_rows(named=True):
        yield row, readers[row["fetch_id"]]


def _read_ahead(
    rows: Iterable[tuple[Row, list[Feed]]], answer_of: Callable[[Row], Answer]
) -> Iterator[dict[str, Body]]:
    """The bodies in the order of their rows, some of them read before they are asked for."""

    def read(row: Row, feeds: list[Feed]) -> dict[str, Body]:
        answer = answer_of(row)
        return {feed.table_name: _read(feed, answer) for feed in feeds}

    waiting: deque[Future[dict[str, Body]]] = deque()
    with ThreadPoolExecutor(READERS) as threads:
        for row, feeds in rows:
            waiting.append(threads.submit(read, row, feeds))
            if len(waiting) > READ_AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _read(feed: Feed, answer: Answer) -> Body:
    """What one archived body comes to: rows and what was set aside, or the reason why it is refused.

    A body on which the reading itself breaks is one that nobody foresaw: it is refused too, so that it stops no
    other, now or at the next load.
    """
    try:
        screen(feed.media, answer.content_type, answer.body)
        checked = check(feed.delivers, feed.parse(answer.request, answer), feed.source, answer)
    except BodyRefused as refusal:
        return Body(answer.fetch_id, refusal.outcome, refusal.reason)
    except Exception as error:
        log.debug("%s: %s cannot be read", feed.feed_id, answer.fetch_id, exc_info=True)
        return Body(answer.fetch_id, Outcome.LAYOUT_CHANGED, f"reading breaks with {type(error).__name__}: {error}")
    return Body(
        answer.fetch_id,
        rows=checked.rows,
        rejected=checked.rejected,
        unknown=checked.unknown.with_columns(source_id=pl.lit(feed.source)),
        asked=feed.covers(answer.request, answer, checked.rows).with_columns(source_id=pl.lit(feed.source)),
    )


def _of_table(feed: Feed, archive: Archive, rows: pl.DataFrame) -> pl.DataFrame:
    """The attempts whose answers have rows of the feed's table."""
    is_read = [feed.is_read(archive.request(row)) for row in rows.iter_rows(named=True)]
    return rows.filter(pl.Series(is_read, dtype=pl.Boolean))
