"""The one way of data: `fetch` brings answers into the archive, `load` reads them from there.

Belongs here: the conversation between a feed and the session, and what became of each body.
Not here: which days are asked for (wanted.py), HTTP, parsing, SQL, Dagster.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from time import monotonic

import polars as pl

from pipelines.feeds.base import Feed
from pipelines.incidents import incidents_of
from pipelines.settings import Clock
from pipelines.tables.base import check
from pipelines.transport.archive import Archive
from pipelines.transport.screening import screen
from pipelines.transport.session import Session
from pipelines.wanted import wanted_days, windows
from pipelines.warehouse.batch import Batch, Body, Incident, Standing
from pipelines.warehouse.writer import Warehouse
from pipelines.wire import Answer, BodyRefused, Failure, Outcome, Window

log = logging.getLogger("outcrop.ingest")

TELL_AFTER_SECONDS = 5
"""A long conversation shows that it is alive this often."""


@dataclass
class Fetched:
    """What asking came to."""

    wanted_days: int = 0
    answers: list[Answer] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return len(self.answers) + len(self.failures)

    @property
    def bytes(self) -> int:
        return sum(len(answer.body) for answer in self.answers)


@dataclass(frozen=True)
class Loaded:
    """What loading came to: the bodies read now, the rows written by them, and how the table stands."""

    bodies: int
    written: int
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
        days = wanted_days(feed, archive, window, now, refused)
        report.wanted_days += len(days)
        for part in windows(feed, days):
            log.debug("%s: asking for %s (%s)", feed.feed_id, part, f"{now:%Y-%m-%d %H:%M} UTC")
            _converse(feed, part, session, report)
    archive.compact(clock.now())
    if report.requests:
        log.info("%s: asked %d, failed %d, %d bytes", feed.feed_id, report.requests, len(report.failures), report.bytes)
    return report


def _converse(feed: Feed, window: Window, session: Session, report: Fetched) -> None:
    """Let the feed ask until it has no more questions."""
    conversation = feed.requests(window)
    told_at = monotonic()
    try:
        questions = next(conversation)
        while True:
            if monotonic() - told_at > TELL_AFTER_SECONDS:
                log.info("%s: %d answers so far, asking on", feed.feed_id, report.requests)
                told_at = monotonic()
            answers = session.ask(feed.feed_id, feed.media, questions)
            report.answers += [answer for answer in answers if isinstance(answer, Answer)]
            report.failures += [failure for failure in answers if isinstance(failure, Failure)]
            questions = conversation.send(answers)
    except StopIteration:
        return


def load(
    feed: Feed, archive: Archive, warehouse: Warehouse, *, reader: str, run_id: str, told: frozenset[str]
) -> Loaded:
    """Bring a feed's table to what its bodies in the archive say, whatever order they arrived in.

    Bodies that follow those already loaded are added; where one lies before them, or where `reader` (the
    fingerprint of the reading code and the seeds) or the shape of the table has changed, the table is filled
    anew from all of them.
    `told`: the attempts that a person knows of. Incidents are looked for among the others, and among bodies
    that come to another outcome than the last time they were read.
    """
    ledger = archive.ledger(feed.feed_id)
    before = warehouse.loads(feed.table_name)
    good = ledger.filter(pl.col("outcome") == Outcome.OK)
    prefix = good["fetch_id"].to_list()[: len(before.fetch_ids)]
    restart = prefix != before.fetch_ids or before.readers != {reader}
    rows = good if restart else good.slice(len(before.fetch_ids))
    bodies = [_read(feed, archive.answer(row)) for row in rows.iter_rows(named=True)]
    read = {body.fetch_id: (str(body.outcome), body.reason) for body in bodies}
    attempts = _with_outcomes(feed, archive, ledger, read if restart else before.outcomes | read)
    turned = {name for name, (outcome, _) in read.items() if before.outcomes.get(name, (outcome,))[0] != outcome}
    incidents = incidents_of(feed, attempts.filter(~_is_in(told - turned)))
    written = warehouse.load(Batch(feed.feed_id, feed.table_name, bodies, attempts, incidents, reader, run_id, restart))
    loaded = Loaded(len(bodies), written, incidents, warehouse.standing(feed.table_name))
    _say(feed, bodies, loaded)
    return loaded


def _say(feed: Feed, bodies: list[Body], loaded: Loaded) -> None:
    """What a person at the screen wants to know of a load."""
    table, standing = f"feeds.{feed.table_name}", loaded.standing
    if standing.rows or bodies:
        days = f"{standing.first_day} to {standing.last_day}" if standing.rows else "no day yet"
        log.info("%s: %d rows, %s (bodies read: %d)", table, standing.rows, days, loaded.bodies)
    if standing.unknown_names:
        names = ", ".join(standing.unknown_names)
        log.warning("%s: set aside, not in the seeds: %s (meta.unknown_names)", table, names)
    if silent := sum(body.outcome is Outcome.NO_DATA for body in bodies):
        log.info("%s: %d answers say that there is no data (no_data)", table, silent)
    if rejected := sum(body.rejected.height for body in bodies):
        log.warning("%s: %d rows rejected (meta.rejected_rows)", table, rejected)
    if loaded.incidents:
        outcomes = ", ".join(sorted({incident.outcome for incident in loaded.incidents}))
        log.warning("%s: %d answers failed or were refused (%s)", table, len(loaded.incidents), outcomes)


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


def _with_outcomes(
    feed: Feed, archive: Archive, ledger: pl.DataFrame, outcomes: dict[str, tuple[str, str | None]]
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
        table_names=pl.lit([feed.table_name]),
        url=pl.Series([archive.request(row).full_url for row in ledger.iter_rows(named=True)], dtype=pl.String),
        outcome=pl.coalesce("read_outcome", "outcome"),
        error=pl.coalesce("read_reason", "error"),
    )


def _is_in(fetch_ids: Collection[str]) -> pl.Expr:
    return pl.col("fetch_id").is_in(sorted(fetch_ids))
