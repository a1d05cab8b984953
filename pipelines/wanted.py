"""Which days of a feed are closed, answered, and to be asked for.

Belongs here: the rules by which asking stops and starts again. Nothing is asked here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

import polars as pl

from pipelines.feeds.base import Feed, Past
from pipelines.transport.archive import Archive
from pipelines.wire import Outcome, Window

ONE_DAY = timedelta(days=1)
REPULL_AFTER = timedelta(hours=20)
"""A settled day inside its revision window is asked again when the last good answer is older than this, so that
two schedules on one day ask once and a daily one never skips."""


def closes_at(feed: Feed, day: date) -> datetime:
    """The instant from which a day of this feed counts as closed: its end and the source's settle lag."""
    end = datetime.combine(day, time()) + timedelta(days=1)
    return end + timedelta(hours=feed.manners.settle_lag_hours)


def closed_days(feed: Feed, window: Window, now: datetime) -> list[date]:
    """The days of the window that count as closed, oldest first."""
    return [day for day in feed.days(window) if closes_at(feed, day) <= now]


def past_of(feed: Feed, archive: Archive, refused: frozenset[str] = frozenset()) -> Past:
    """What the feed was told before; a body that was `refused` when it was read is no good answer."""
    unread = pl.col("fetch_id").is_in(sorted(refused)) & (pl.col("outcome") == Outcome.OK)
    outcome = pl.when(unread).then(pl.lit(str(Outcome.LAYOUT_CHANGED))).otherwise("outcome")
    return Past(archive.ledger(*feed.raw_ids).with_columns(outcome=outcome), archive.answer)


def wanted_days(
    feed: Feed, archive: Archive, window: Window, now: datetime, refused: frozenset[str] = frozenset()
) -> list[date]:
    """The closed days of the window that must be asked for, oldest first.

    A day is wanted when no good answer was fetched after it closed (one that was `refused` is none), or while
    it is inside the source's revision window and the last good answer is older than `REPULL_AFTER`. Where a
    feed cannot be asked by day, an answer speaks for all days and one wanted day wants them all.
    """
    return days_missing_in(past_of(feed, archive, refused), feed, archive, window, now)


def days_missing_in(past: Past, feed: Feed, archive: Archive, window: Window, now: datetime) -> list[date]:
    """The same where the past is at hand."""
    closed = closed_days(feed, window, now)
    answered = _last_answers(feed, archive, past, closed)
    revision_window = timedelta(days=feed.manners.revision_window_days)

    def is_wanted(day: date) -> bool:
        last = answered.get(day)
        if last is None or last < closes_at(feed, day):
            return True
        return now - closes_at(feed, day) <= revision_window and now - last >= REPULL_AFTER

    wanted = [day for day in closed if is_wanted(day)]
    return closed if wanted and not feed.by_day else wanted


def _last_answers(feed: Feed, archive: Archive, past: Past, days: Sequence[date]) -> dict[date, datetime]:
    """When each day was last answered well. A history in several parts is answered when its oldest part is."""
    told = feed.answered(past, list(days))
    if told is not None:
        return told
    good = past.attempts.filter(pl.col("outcome") == Outcome.OK)
    requests = ((archive.request(row), row["fetched_at"]) for row in good.iter_rows(named=True))
    speaking = [(request, fetched_at) for request, fetched_at in requests if feed.speaks(request)]
    if feed.by_day:
        return {day: fetched_at for request, fetched_at in speaking for day in feed.days_of(request)}
    newest = {request.url: fetched_at for request, fetched_at in speaking}
    parts = [part.url for part in next(feed.requests(Window(days[0], days[-1])), [])] if days else []
    if len(parts) < 2:
        parts = [max(newest, key=newest.__getitem__)] if newest else []
    is_whole = parts and newest.keys() >= set(parts)
    return dict.fromkeys(days, min(newest[part] for part in parts)) if is_whole else {}


def answered_days(feed: Feed, archive: Archive) -> set[date]:
    """The days that a feed asked by day has some good answer for."""
    past = past_of(feed, archive)
    newest = past.attempts["fetched_at"].max()
    if isinstance(newest, datetime):
        told = feed.answered(past, closed_days(feed, Window(feed.manners.history_from, newest.date()), newest))
        if told is not None:
            return set(told)
    good = past.attempts.filter(pl.col("outcome") == Outcome.OK)
    return {day for row in good.iter_rows(named=True) for day in feed.days_of(archive.request(row))}


def windows(feed: Feed, days: list[date]) -> list[Window]:
    """Wanted days as what a feed is asked for: stretches without gaps, or where it has no days all as one."""
    if not feed.by_day:
        return [Window(days[0], days[-1])] if days else []
    stretches: list[Window] = []
    for day in days:
        if stretches and not feed.days(Window(stretches[-1].last + ONE_DAY, day - ONE_DAY)):
            stretches[-1] = Window(stretches[-1].first, day)
        else:
            stretches.append(Window(day, day))
    return stretches
