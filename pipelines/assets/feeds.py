"""Assets of the feeds: `raw/<source>/<entity>` asks, and `feeds/<source>__<entity>` loads, for each table it fills.

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
DAYS = dg.DailyPartitionsDefinition(start_date="2020-01-01")
"""The one partitioning that all feeds share which can be asked by day; bridges announced transfers since 2020."""


def raw_key(feed: Feed) -> dg.AssetKey:
    return dg.AssetKey(["raw", feed.source, feed.entity])


def table_key(feed: Feed) -> dg.AssetKey:
    return dg.AssetKey(["feeds", feed.table_name])


def keys_of(feed: Feed) -> list[dg.AssetKey]:
    """The assets of a feed: its asking, where it asks itself, and its table."""
    return [*([raw_key(feed)] if feed.asks else []), table_key(feed)]


def feed_assets(feeds: list[Feed]) -> list[dg.AssetsDefinition]:
    """For each feed that asks, its asking and the loading of all tables that its answers fill."""
    asking = [feed for feed in feeds if feed.asks]
    filled = [[other for other in feeds if other.raw_ids == feed.raw_ids] for feed in asking]
    return [*map(_raw_asset, asking), *map(_tables_asset, filled)]


def _raw_asset(feed: Feed) -> dg.AssetsDefinition:
    @dg.asset(
        key=raw_key(feed),
        group_name=feed.subject,
        kinds={"python"},
        description=f"Answers of {feed.manners.name}, kept as they came.\n\n{_first_paragraph(feed)}",
        check_specs=checks.specs(raw_key(feed), checks.ANSWERED),
        partitions_def=DAYS if feed.in_partitions else None,
        backfill_policy=dg.BackfillPolicy.single_run() if feed.in_partitions else None,
    )
    def raw(context: dg.AssetExecutionContext, runtime: dg.ResourceParam[Runtime]) -> dg.MaterializeResult:
        if off := runtime.why_off(feed):
            log.info("%s: not asked. %s", feed.feed_id, off)
            not_asked = list(checks.of_fetch(ingest.Fetched()))
            return dg.MaterializeResult(metadata={"requests": 0, "outcomes": f"off: {off}"}, check_results=not_asked)
        with runtime.session() as session:
            window = _window(context, feed, runtime)
            refused = known_attempts(runtime.home, feed.raw_ids).refused
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


def _tables_asset(feeds: list[Feed]) -> dg.AssetsDefinition:
    """The tables that the answers of one feed fill, in one step: each body is read once for all of them."""
    names = (checks.ACCEPTED, checks.ROWS_VALID, checks.NAMES_KNOWN)
    in_partitions = any(feed.in_partitions for feed in feeds)

    @dg.multi_asset(
        name=f"load__{feeds[0].table_name}",
        specs=[_table_spec(feed) for feed in feeds],
        check_specs=[spec for feed in feeds for spec in checks.specs(table_key(feed), *names)],
        can_subset=True,
        pool=WRITER_POOL,
        partitions_def=DAYS if in_partitions else None,
        backfill_policy=dg.BackfillPolicy.single_run() if in_partitions else None,
    )
    def tables(context: dg.AssetExecutionContext, runtime: dg.ResourceParam[Runtime]) -> Iterator[dg.MaterializeResult]:
        chosen = [feed for feed in feeds if table_key(feed) in context.selected_asset_keys]
        known = Known() if runtime.mode is Mode.ARCHIVE else known_attempts(runtime.home, feeds[0].raw_ids)
        reports = ingest.load(
            chosen,
            runtime.archive,
            runtime.warehouse,
            reader=runtime.reader,
            run_id=context.run_id,
            told=known.told,
            tables=[feed.table_name for feed in feeds],
        )
        for feed, report in zip(chosen, reports, strict=True):
            yield _loaded(feed, report)

    return tables


def _table_spec(feed: Feed) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=table_key(feed),
        deps=[["raw", *raw_id.split("/")] for raw_id in feed.raw_ids],
        group_name=feed.subject,
        kinds={"polars", "duckdb"},
        description=_first_paragraph(feed.delivers),
        metadata={"dagster/column_schema": _column_schema(feed), "loads_by": _load_verb(feed)},
    )


def _loaded(feed: Feed, report: ingest.Loaded) -> dg.MaterializeResult:
    standing = report.standing
    return dg.MaterializeResult(
        asset_key=table_key(feed),
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
        check_results=list(checks.of_load(report, table_key(feed))),
    )


def _window(context: dg.AssetExecutionContext, feed: Feed, runtime: Runtime) -> Window:
    """The days that may be asked for; of a feed with days those among them that the run's partitions have.

    Feeds share the range of a run, and each has its own first day.
    """
    asked = runtime.window_to_ask(feed)
    if not feed.in_partitions:
        return asked
    days = context.partition_time_window
    return Window(max(asked.first, days.start.date()), (days.end - timedelta(days=1)).date())


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
        if not feed.in_partitions:
            yield from keys_of(feed)
