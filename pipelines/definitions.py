"""The front door of Dagster: everything that the UI, the daemon and the command line load."""

from __future__ import annotations

import os
from contextlib import contextmanager

import dagster as dg

from pipelines.assets.feeds import feed_assets
from pipelines.assets.marts import dbt_resource, mart_assets
from pipelines.assets.publishing import publish_asset
from pipelines.feeds.base import Feed
from pipelines.runtime import Runtime
from pipelines.schedules import refresh_jobs
from pipelines.settings import Settings
from pipelines.transport.session import Transport

PROCESS_TAG = "outcrop/process_id"
"""Runs of the command line say whose they are, so that a killed one can be told from one at work."""


def build_defs(
    settings: Settings | None = None, transport: Transport | None = None, feeds: list[Feed] | None = None
) -> dg.Definitions:
    """Everything Dagster loads. Tests pass settings, a transport and feeds; nothing is patched."""
    return defs_of(Runtime(settings or Settings(), transport, feeds))


def defs_of(runtime: Runtime) -> dg.Definitions:
    """The definitions over rooms that are already set up."""
    marts = mart_assets()
    published = publish_asset(marts.keys)
    jobs, schedules = refresh_jobs(runtime, [*marts.keys, *published.keys])
    return dg.Definitions(
        assets=[*feed_assets(runtime.feeds), marts, published],
        jobs=jobs,
        schedules=schedules,
        resources={"runtime": dg.ResourceDefinition(_holding(runtime)), "dbt": dbt_resource()},
        executor=dg.in_process_executor,
    )


def _holding(runtime: Runtime):
    """The runtime as a resource that holds the home from the start of a run to its end."""

    @contextmanager
    def hold(context: dg.InitResourceContext):
        with runtime.hold(context.log.info if context.log else print):
            if context.instance and context.run_id:
                _bury_killed_runs(context.instance, context.run_id)
            yield runtime

    return hold


def _bury_killed_runs(instance: dg.DagsterInstance, run_id: str) -> None:
    """End the runs that can no longer be at work, and take the writer's slot from them: this run holds the home.

    A killed run keeps its slot of the pool and its places in the queue for ever, and every later run would wait;
    one that was killed before it had a slot would be shown as running for ever.
    """
    dead = {
        run.run_id
        for run in instance.get_runs(filters=dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        if PROCESS_TAG in run.tags and not _is_alive(int(run.tags[PROCESS_TAG]))
    }
    storage = instance.event_log_storage
    if storage.supports_global_concurrency_limits:
        dead |= storage.get_concurrency_run_ids()
    for other_id in sorted(dead - {run_id}):
        if storage.supports_global_concurrency_limits:
            storage.free_concurrency_slots_for_run(other_id)
        other = instance.get_run_by_id(other_id)
        if other and not other.is_finished:
            instance.report_run_failed(other, "The run was killed; a later one found the home free.")


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@dg.definitions
def defs() -> dg.Definitions:
    """What `workspace.yaml` names: the definitions of the environment's settings."""
    return build_defs()
