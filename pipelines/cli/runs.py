"""`outcrop run`, its halves `fetch` and `load`, and `ui`: the same Dagster job, from a shell.

Belongs here: how a run is started, what it prints, and its exit status.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import click
import dagster as dg

from pipelines.assets.feeds import raw_key, table_key
from pipelines.cli.console import ERR, OUT, STOPPED, UserError, progress
from pipelines.cli.ending import report, report_checks, told
from pipelines.cli.options import home_options, reading_runtime, run_options, settings_of
from pipelines.cli.plan import plan_of, say_plan
from pipelines.definitions import PROCESS_TAG, defs_of
from pipelines.runtime import BadUsage, Runtime
from pipelines.schedules import DAILY_REFRESH, days_to_ask, days_to_load, run_request
from pipelines.settings import ROOT, Home, Mode
from pipelines.warehouse.home import check_mode, claim, remembered

DAGSTER_YAML = """\
telemetry: {enabled: false}
nux: {enabled: false}
concurrency: {pools: {default_limit: 1, granularity: op}}
python_logs: {managed_python_loggers: [outcrop], python_log_level: INFO}
event_log_storage: {module: pipelines.eventlog, class: KeptEventLog, config: {base_dir: %s}}
"""
INTERRUPTED = "Stopped. What was published stands; the next run goes on from what is archived."
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@click.command()
@run_options
def run(**options: Any) -> None:
    """Fetch what is missing, load, build, test and publish."""
    _go(options, fetches=True, loads=True)


@click.command()
@run_options
def fetch(**options: Any) -> None:
    """Only ask the upstreams and archive their answers."""
    _go(options, fetches=True, loads=False)


@click.command()
@run_options
def load(**options: Any) -> None:
    """Load the archive, build, test and publish; ask nobody."""
    _go(options, fetches=False, loads=True)


@click.command()
@home_options
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Port on 127.0.0.1.")
def ui(port: int, **options: Any) -> None:
    """The Dagster UI and daemon over a home, schedules loaded and stopped."""
    settings = reading_runtime(options).settings
    claim(settings.at, settings.feeds, settings.archive_dir)
    _instance_files(settings.at)
    env = os.environ | {
        "DAGSTER_HOME": os.fspath(settings.at.dagster),
        "OUTCROP_FEEDS": str(settings.feeds),
        "OUTCROP_HOME": os.fspath(settings.at.path),
        "OUTCROP_ARCHIVE": os.fspath(settings.archive_dir),
    }
    OUT.print(f"Dagster UI of {settings.at.path} on http://127.0.0.1:{port} (Ctrl-C ends it)")
    command = [
        os.fspath(Path(sys.executable).parent / "dagster"),
        "dev",
        "-w",
        os.fspath(ROOT / "workspace.yaml"),
    ]
    sys.exit(subprocess.call([*command, "-h", "127.0.0.1", "-p", str(port)], env=env, cwd=ROOT))


def _go(options: dict[str, Any], *, fetches: bool, loads: bool) -> None:
    runtime = Runtime(settings_of(options))
    _check_selection(runtime, fetches=fetches)
    if runtime.mode is Mode.ARCHIVE and not loads:
        raise BadUsage("Mode archive asks nobody: there is nothing to fetch.")
    check_mode(runtime.home, runtime.mode)
    if runtime.mode is Mode.ARCHIVE:
        _check_archive(runtime)
    with progress(f"outcrop, mode {runtime.mode}"), runtime.hold(lambda text: ERR.print(text, markup=False)):
        _instance_files(runtime.home)
        if fetches and runtime.mode is Mode.LIVE:
            say_plan(plan_of(runtime))
        _execute(runtime, fetches=fetches and runtime.mode is not Mode.ARCHIVE, loads=loads)
    if loads:
        report(runtime)


def _check_archive(runtime: Runtime) -> None:
    """An archive that cannot be loaded, or not whole, is refused before anything is made."""
    runtime.as_of()
    standing = remembered(runtime.home).get("archive")
    is_other = standing is not None and Path(standing) != runtime.settings.archive_dir
    if is_other and len(runtime.selected) < len(runtime.feeds):
        raise BadUsage(
            f"{runtime.home.path} was built from {standing}, and a file is built from one archive.\n"
            "Load the other one without --select and --source, or into another --home."
        )


def _check_selection(runtime: Runtime, *, fetches: bool) -> None:
    """Raises `BadUsage` where a subject or source is named that no feed has, or none but sources that are off."""
    settings = runtime.settings
    for given, known, word in (
        (settings.subjects, {feed.subject for feed in runtime.feeds}, "subject"),
        (settings.sources, {feed.source for feed in runtime.feeds}, "source"),
        (settings.chains, runtime.registry.evm_chains.keys(), "EVM chain"),
        (settings.endpoints.keys(), runtime.registry.evm_chains.keys(), "EVM chain"),
    ):
        if unknown := sorted(set(given) - known):
            raise BadUsage(f"No feed has the {word} {', '.join(unknown)}. Known: {', '.join(sorted(known))}")
    if not runtime.selected:
        raise BadUsage("No feed has that subject and that source.")
    off = [runtime.why_off(feed) for feed in runtime.selected]
    if fetches and runtime.mode is not Mode.ARCHIVE and all(off):
        raise BadUsage("\n".join(dict.fromkeys(reason for reason in off if reason)))


def _execute(runtime: Runtime, *, fetches: bool, loads: bool) -> None:
    """Run the daily job's part in this process, on the persistent instance of the home."""
    definitions = defs_of(runtime)
    published = [key for key in definitions.resolve_all_asset_keys() if key.path[0] not in ("raw", "feeds")]
    days = days_to_ask(runtime, runtime.selected) if fetches else days_to_load(runtime, runtime.selected)
    request = run_request(runtime.selected, days, published if loads else [])
    wanted = {raw_key(feed) for feed in runtime.selected if feed.asks} if fetches else set()
    wanted |= {table_key(feed) for feed in runtime.selected} if loads else set()
    kept = [key for key in request.asset_selection or [] if key in wanted or key in published]
    if not kept:
        OUT.print("Nothing is missing: nobody was asked.")
        return
    log_file = runtime.home.dagster / "last_run.log"
    with (
        dg.DagsterInstance.from_config(os.fspath(runtime.home.dagster)) as instance,
        log_file.open("w", encoding="utf-8") as chatter,
        redirect_stdout(chatter),
    ):
        try:
            result = definitions.resolve_job_def(DAILY_REFRESH).execute_in_process(
                instance=instance,
                asset_selection=kept,
                tags={**request.tags, PROCESS_TAG: str(os.getpid())},
                run_config=QUIET,
            )
        except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError) as interruption:
            raise UserError(INTERRUPTED, STOPPED) from interruption
        except Exception as error:
            raise told(error, runtime) from error
    report_checks(result.get_asset_check_evaluations(), is_all=not loads)


def _instance_files(home: Home) -> None:
    """The Dagster instance of a home: its runs and events, no telemetry, one writer."""
    home.dagster.mkdir(parents=True, exist_ok=True)
    events = json.dumps(os.fspath(home.dagster / "history" / "runs"))
    (home.dagster / "dagster.yaml").write_text(DAGSTER_YAML % events, encoding="utf-8")
