"""The last asset: the tested build takes the place of the file that users open.

Belongs here: the facts of the build and the call to publish.
"""

import logging
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version

import dagster as dg

from pipelines.assets.feeds import WRITER_POOL
from pipelines.assets.marts import ready_manifest
from pipelines.runtime import Runtime
from pipelines.settings import ROOT, Clock
from pipelines.warehouse.about import Build, lineage_of, write_about
from pipelines.warehouse.publish import publish

log = logging.getLogger("outcrop.publishing")

PUBLISHED = dg.AssetKey(["published", "outcrop"])


def publish_asset(depends_on: Iterable[dg.AssetKey]) -> dg.AssetsDefinition:
    """The published file, after everything that it is made of."""

    @dg.asset(
        key=PUBLISHED,
        deps=list(depends_on),
        group_name="published",
        kinds={"duckdb"},
        description="outcrop.duckdb, as users open it: replaced whole, and only by a build whose tests passed.",
        pool=WRITER_POOL,
    )
    def published(context: dg.AssetExecutionContext, runtime: dg.ResourceParam[Runtime]) -> dg.MaterializeResult:
        finished_at = Clock().now()
        write_about(
            runtime.home.build,
            _build(context, runtime, finished_at),
            runtime.archive.ledger(),
            lineage_of(ready_manifest()),
            context.run_id,
        )
        publication = publish(runtime.home, finished_at)
        log.info("published: marts %s, %d bytes", ", ".join(publication.rows_by_mart), publication.bytes)
        rows = {f"rows in marts.{mart}": count for mart, count in publication.rows_by_mart.items()}
        return dg.MaterializeResult(
            metadata={"file": dg.MetadataValue.path(publication.file), "bytes": publication.bytes, **rows}
        )

    return published


def _build(context: dg.AssetExecutionContext, runtime: Runtime, finished_at: datetime) -> Build:
    first, last = runtime.window_to_show
    started = context.instance.get_run_stats(context.run_id).start_time
    return Build(
        mode=str(runtime.mode),
        is_simulated=runtime.archive.origin == "sample",
        window_first=first,
        window_last=last,
        as_of=runtime.as_of(),
        outcrop_version=version("outcrop"),
        dbt_version=version("dbt-core"),
        duckdb_version=version("duckdb"),
        git_commit=_git_commit(),
        started_at=datetime.fromtimestamp(started, UTC).replace(tzinfo=None) if started else finished_at,
        finished_at=finished_at,
        archive_digest=runtime.archive.digest(),
    )


def _git_commit() -> str | None:
    """The commit of the checkout; None outside one."""
    command = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
