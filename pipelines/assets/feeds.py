"""Two assets for each feed: `raw/<source>/<entity>` asks, `feeds/<source>__<entity>` loads.

Belongs here: how a feed looks in Dagster. Nothing here knows one feed from another.
"""

import logging
from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from pipelines import checks, ingest
from pipelines.feeds.base import Feed
from pipelines.runtime import Runtime
from pipelines.settings import Mode
from pipelines.tables.base import Observe
from pipelines.warehouse.ddl import columns_of
from pipelines.warehouse.reader import Known, known_attempts
from pipelines.wire import Window

log = logging.getLogger("outcrop.assets")

WRITER_POOL = "duckdb_writer"
"""One step at a time where somebody chooses a multiprocess executor; its limit stands in dagster.yaml."""
DAYS = dg.DailyPartitionsDefinition(start_date="2023-12-31")
"""The one partitioning that all feeds share which can be asked by day."""


def raw_key(feed: Feed) -> dg.AssetKey:
    return dg.AssetKey(["raw", feed.source, feed.entity])


def table_key(feed: Feed) -> dg.AssetKey:
    return dg.AssetKey(["feeds", feed.table_name])


def feed_assets(feed: Feed) -> list[dg.AssetsDefinition]:
    """The asking and the loading asset of a feed."""
    return [_raw_asset(feed), _table_asset(feed)]


def _raw_asset(feed: Feed) -> dg.AssetsDefinition:
    @dg.asset(
        key=raw_key(feed),
        group_name=feed.subject,
        kinds={"python"},
        description=f"Answers of {feed.manners.name}, kept as they came.\n\n{_first_paragraph(feed)}",
        check_specs=checks.specs(raw_key(feed), checks.ANSWERED),
        partitions_def=DAYS if feed.by_day else None,
        backfill_policy=dg.BackfillPolicy.single_run() if feed.by_day else None,
    )
    def raw(context: dg.AssetExecutionContext, runtime: dg.ResourceParam[Runtime]) -> dg.MaterializeResult:
        if off := runtime.why_off(feed):
            log.info("%s: not asked. %s", feed.feed_id, off)
            not_asked = list(checks.of_fetch(ingest.Fetched()))
            return dg.MaterializeResult(metadata={"requests": 0, "outcomes": f"off: {off}"}, check_results=not_asked)
        with runtime.session() as session:
            window = _window(context, feed, runtime)
            refused = known_attempts(runtime.home, feed.feed_id).refused
            report = ingest.fetch(feed, window, runtime.archive, session, runtime.clock, refused)
        return dg.MaterializeResult(
            metadata={
                "requests": report.requests,
                "bytes": report.bytes,
                "days_wanted": report.wanted_days,
                "window": str(window),
                "outcomes": ", ".join(sorted({str(failure.outcome) for failure in report.failures})) or "ok",
            },
            check_results=list(checks.of_fetch(report)),
        )

    return raw


def _table_asset(feed: Feed) -> dg.AssetsDefinition:
    names = (checks.ACCEPTED, checks.ROWS_VALID, checks.NAMES_KNOWN)

    @dg.asset(
        key=table_key(feed),
        deps=[raw_key(feed)],
        group_name=feed.subject,
        kinds={"polars", "duckdb"},
        description=_first_paragraph(feed.delivers),
        metadata={"dagster/column_schema": _column_schema(feed), "loads_by": _load_verb(feed)},
        check_specs=checks.specs(table_key(feed), *names),
        pool=WRITER_POOL,
        partitions_def=DAYS if feed.by_day else None,
        backfill_policy=dg.BackfillPolicy.single_run() if feed.by_day else None,
    )
    def table(context: dg.AssetExecutionContext, runtime: dg.ResourceParam[Runtime]) -> dg.MaterializeResult:
        known = Known() if runtime.mode is Mode.ARCHIVE else known_attempts(runtime.home, feed.feed_id)
        report = ingest.load(
            feed,
            runtime.archive,
            runtime.warehouse,
            reader=runtime.reader,
            run_id=context.run_id,
            told=known.told,
        )
        standing = report.standing
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": standing.rows,
                "rows_written": report.written,
                "bodies_read": report.bodies,
                "first_day": str(standing.first_day),
                "last_day": str(standing.last_day),
                "rejected_rows": standing.rejected_rows,
                "unknown_names": ", ".join(standing.unknown_names) or "none",
                "outcomes": ", ".join(sorted({one.outcome for one in report.incidents})) or "ok",
            },
            check_results=list(checks.of_load(report)),
        )

    return table


def _window(context: dg.AssetExecutionContext, feed: Feed, runtime: Runtime) -> Window:
    """The days of the run's partitions where the feed has them, else those of the settings."""
    if not feed.by_day:
        return runtime.window_to_ask(feed)
    days = context.partition_time_window
    return Window(days.start.date(), (days.end - timedelta(days=1)).date())


def _load_verb(feed: Feed) -> str:
    return "observe" if isinstance(feed.delivers.load, Observe) else "replace"


def _column_schema(feed: Feed) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, kind, description=text, constraints=dg.TableColumnConstraints(nullable=nullable))
            for name, (kind, text, nullable) in columns_of(feed.delivers).items()
        ]
    )


def _first_paragraph(thing: object) -> str:
    return (thing.__doc__ or "").strip().split("\n\n")[0]


def unpartitioned(feeds: list[Feed]) -> Iterator[dg.AssetKey]:
    """The assets of feeds that are asked for all days at once."""
    for feed in feeds:
        if not feed.by_day:
            yield from (raw_key(feed), table_key(feed))
