"""The one way of data: `fetch` brings answers into the archive, `load` reads them from there.

Belongs here: the conversation between a feed and the session, and what became of each body.
Not here: which days are asked for (wanted.py), what a body comes to (reading.py), HTTP, parsing, SQL, Dagster.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from time import monotonic

import polars as pl

from pipelines.feeds.base import Feed, Past
from pipelines.gathering import gathered
from pipelines.incidents import incidents_of
from pipelines.reading import Reading, parts_of
from pipelines.settings import Clock
from pipelines.transport.archive import Archive
from pipelines.transport.session import Session
from pipelines.wanted import days_missing_in, past_of, windows
from pipelines.warehouse.batch import Incident, Notes, Standing
from pipelines.warehouse.writer import Warehouse
from pipelines.wire import Answer, Failure, Request, Window

log = logging.getLogger("outcrop.ingest")

TELL_AFTER_SECONDS = 5
"""A long conversation shows that it is alive this often."""


@dataclass
class Fetched:
    """What asking came to. `troubles`: the failures that nothing made good."""

    wanted_days: int = 0
    answered: list[tuple[Request, datetime]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    troubles: list[Failure] = field(default_factory=list)
    bytes: int = 0

    @property
    def requests(self) -> int:
        return len(self.answered) + len(self.failures)


@dataclass(frozen=True)
class Loaded:
    """What loading came to: the bodies read now, the rows written by them, and how the table stands."""

    bodies: int
    written: int
    silent: int
    rejected: int
    incidents: list[Incident]
    standing: Standing


def fetch(
    feed: Feed,
    window: Window,
    archive: Archive,
    session: Session,
    clock: Clock,
    refused: frozenset[str] = frozenset(),
) -> Fetched:
    """Ask for the wanted days of the window, at every instant at which the clock pulls.

    `refused` are answers that came well and could not be read: their days are asked for again.
    """
    report = Fetched()
    for now in clock.pulls():
        past = past_of(feed, archive, refused)
        days = days_missing_in(past, feed, archive, window, now)
        report.wanted_days += len(days)
        for n, part in enumerate(windows(feed, days)):
            log.debug("%s: asking for %s (%s)", feed.feed_id, part, f"{now:%Y-%m-%d %H:%M} UTC")
            _converse(feed, part, past if n == 0 else past_of(feed, archive, refused), session, report)
    archive.compact(clock.now())
    report.troubles = _unhealed(feed, archive, report)
    if report.requests:
        log.info("%s: asked %d, failed %d, %d bytes", feed.feed_id, report.requests, len(report.failures), report.bytes)
    return report


def _unhealed(feed: Feed, archive: Archive, report: Fetched) -> list[Failure]:
    """The failures that a person should know of: some are part of asking, some were made good by a later pull."""
    unhealed = feed.unhealed(archive.ledger(*feed.raw_ids)) if report.failures else None
    if unhealed is not None:
        open_ids = set(unhealed["fetch_id"])
        return [failure for failure in report.failures if failure.fetch_id in open_ids]
    answered_at = dict(report.answered)
    return [one for one in report.failures if answered_at.get(one.request, one.fetched_at) <= one.fetched_at]


def _converse(feed: Feed, window: Window, past: Past, session: Session, report: Fetched) -> None:
    """Let the feed ask until it has no more questions."""
    conversation = feed.conversation(window, past)
    told_at = monotonic()
    try:
        questions = next(conversation)
        while True:
            if monotonic() - told_at > TELL_AFTER_SECONDS:
                log.info("%s: %d answers so far, asking on", feed.feed_id, report.requests)
                told_at = monotonic()
            # No name for the answers here: while the next ones come, only the conversation holds on to them.
            questions = conversation.send(_asked(feed, questions, session, report))
    except StopIteration:
        return


def _asked(feed: Feed, questions: list[Request], session: Session, report: Fetched) -> list[Answer | Failure]:
    """The answers to some questions, and a note of them."""
    answers = session.ask(feed.feed_id, feed.media, questions, feed.refusal)
    for answer in answers:
        if isinstance(answer, Failure):
            report.failures.append(answer)
        else:
            report.answered.append((answer.request, answer.fetched_at))
            report.bytes += len(answer.body)
    return answers


def load(
    feeds: Sequence[Feed],
    archive: Archive,
    warehouse: Warehouse,
    *,
    reader: str,
    run_id: str,
    told: frozenset[str],
    tables: Collection[str] = (),
) -> list[Loaded]:
    """Bring tables to what the bodies of one feed in the archive say, whatever order these arrived in.

    `feeds` read the same answers: each body is read once for all of them. Bodies that follow those already loaded are
    added; where one lies before them, or where `reader` (the fingerprint of the reading code and the seeds) or the
    shape of a table has changed, that table is filled anew from all of them.
    `told`: the attempts that a person knows of. Incidents are looked for among the others, and among bodies
    that come to another outcome than the last time they were read.
    `tables`: all that the answers fill.
    """
    readings = {feed.table_name: Reading.of(feed, archive, warehouse, reader) for feed in feeds}
    anew = [name for name, reading in readings.items() if reading.is_anew]
    parts = chain(parts_of(readings, archive.answer), gathered(readings, archive, warehouse.file.parent, reader))
    written = warehouse.load(parts, reader, anew)
    loaded = []
    for name, reading in readings.items():
        feed, outcomes = reading.feed, reading.outcomes
        known = outcomes if reading.is_anew else reading.before.outcomes | outcomes
        attempts = _with_outcomes(feed, archive, reading.ledger, known, tables)
        speaking = attempts if feed.asks else attempts.filter(_is_in(outcomes.keys()))
        incidents = incidents_of(feed, speaking.filter(~_is_in(told - reading.turned)))
        warehouse.note(Notes(name, attempts if feed.asks else None, incidents, run_id))
        standing = warehouse.standing(name)
        result = Loaded(len(outcomes), written.get(name, 0), reading.silent, reading.rejected, incidents, standing)
        _say(feed, result)
        loaded.append(result)
    return loaded


def _say(feed: Feed, loaded: Loaded) -> None:
    """What a person at the screen wants to know of a load."""
    table, standing = f"feeds.{feed.table_name}", loaded.standing
    if standing.rows or loaded.bodies:
        days = f"{standing.first_day} to {standing.last_day}" if standing.rows else "no day yet"
        log.info("%s: %d rows, %s (bodies read: %d)", table, standing.rows, days, loaded.bodies)
    if standing.unknown_names:
        names = ", ".join(standing.unknown_names)
        log.warning("%s: set aside, not in the seeds: %s (meta.unknown_names)", table, names)
    if loaded.silent:
        log.info("%s: %d answers say that there is no data (no_data)", table, loaded.silent)
    if loaded.rejected:
        log.warning("%s: %d rows rejected (meta.rejected_rows)", table, loaded.rejected)
    if loaded.incidents:
        outcomes = ", ".join(sorted({incident.outcome for incident in loaded.incidents}))
        log.warning("%s: %d answers failed or were refused (%s)", table, len(loaded.incidents), outcomes)


def _with_outcomes(
    feed: Feed,
    archive: Archive,
    ledger: pl.DataFrame,
    outcomes: dict[str, tuple[str, str | None]],
    tables: Collection[str],
) -> pl.DataFrame:
    """Every attempt with what became of it, columns of `tables.ledger.Ledger`."""
    read = pl.DataFrame(
        [(fetch_id, outcome, reason) for fetch_id, (outcome, reason) in outcomes.items()],
        schema={"fetch_id": pl.String, "read_outcome": pl.String, "read_reason": pl.String},
        orient="row",
    )
    return ledger.join(read, on="fetch_id", how="left", maintain_order="left").with_columns(
        source_id=pl.lit(feed.source),
        entity=pl.lit(feed.entity),
        table_names=pl.lit(sorted({feed.table_name, *tables})),
        url=pl.Series([archive.request(row).full_url for row in ledger.iter_rows(named=True)], dtype=pl.String),
        outcome=pl.coalesce("read_outcome", "outcome"),
        error=pl.coalesce("read_reason", "error"),
    )


def _is_in(fetch_ids: Collection[str]) -> pl.Expr:
    return pl.col("fetch_id").is_in(sorted(fetch_ids))
