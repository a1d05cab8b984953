"""The jobs and when they run: stopped by default, and each tick asks for the days that are missing.

Belongs here: jobs, schedules, and which days a run must ask for.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import dagster as dg

from pipelines.assets.feeds import keys_of
from pipelines.feeds.base import Feed
from pipelines.runtime import Runtime
from pipelines.wanted import ONE_DAY, answered_days, closed_days, wanted_days
from pipelines.warehouse.reader import known_attempts

DAILY_REFRESH = "daily_refresh"
ETF_REFRESH = "etf_refresh"
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def days_to_ask(runtime: Runtime, feeds: Iterable[Feed]) -> list[date]:
    """The days that some feed of these, asked by day, must be asked for; where none is, the last that was answered.

    Oldest first. A home that is not there yet is not made: all its closed days are to be asked for.
    """
    by_day = [feed for feed in feeds if feed.in_partitions and not runtime.why_off(feed)]
    is_new = not runtime.settings.archive_dir.exists()
    now = runtime.clock.now()
    days: set[date] = set()
    for feed in by_day:
        window = runtime.window_to_ask(feed)
        if is_new:
            days.update(closed_days(feed, window, now))
        else:
            refused = known_attempts(runtime.home, feed.raw_ids).refused
            days.update(wanted_days(feed, runtime.archive, window, now, refused))
    return sorted(days) or ([] if is_new else days_to_load(runtime, by_day)[-1:])


def days_to_load(runtime: Runtime, feeds: Iterable[Feed]) -> list[date]:
    """The days that the archive has an answer for, of the feeds of these that are asked by day; else the last day."""
    by_day = [feed for feed in feeds if feed.in_partitions]
    days = {day for feed in by_day for day in answered_days(feed, runtime.archive)}
    return sorted(days) or [runtime.as_of().date() - ONE_DAY] * bool(by_day)


def run_request(feeds: list[Feed], days: list[date], rest: Iterable[dg.AssetKey]) -> dg.RunRequest:
    """One run: whole-history feeds once, and feeds by day over the range from the first to the last of the days."""
    asked = [feed for feed in feeds if days or not feed.in_partitions]
    keys = [key for feed in asked for key in keys_of(feed)]
    tags = {RANGE_START: days[0].isoformat(), RANGE_END: days[-1].isoformat()} if days else {}
    return dg.RunRequest(tags=tags, asset_selection=[*keys, *rest])


def refresh_jobs(runtime: Runtime, rest: list[dg.AssetKey]) -> tuple[list, list[dg.ScheduleDefinition]]:
    """`daily_refresh` over everything and `etf_refresh` over the funds, each with its schedule."""
    feeds = runtime.feeds
    etf = runtime.of_subjects(["etf"])
    daily_job = dg.define_asset_job(
        DAILY_REFRESH,
        selection=dg.AssetSelection.all(),
        description="Ask, load, build, test and publish everything.",
    )
    etf_keys = [key for feed in etf for key in keys_of(feed)]
    etf_job = dg.define_asset_job(
        ETF_REFRESH,
        selection=dg.AssetSelection.assets(*etf_keys, *rest),
        description="Ask and load the ETF feeds and the prices they are struck at, then build, test and publish.",
    )
    schedules = [
        _schedule(runtime, daily_job, "30 9 * * *", feeds, rest),
        _schedule(runtime, etf_job, "0 14 * * 2-6", etf, rest),
    ]
    return [daily_job, etf_job], schedules


def _schedule(
    runtime: Runtime,
    job: dg.UnresolvedAssetJobDefinition,
    cron: str,
    feeds: list[Feed],
    rest: list[dg.AssetKey],
) -> dg.ScheduleDefinition:
    @dg.schedule(job=job, cron_schedule=cron, execution_timezone="UTC", name=job.name)
    def tick() -> dg.RunRequest:
        return run_request(feeds, days_to_ask(runtime, feeds), rest)

    return tick
