"""`outcrop run`, its halves `fetch` and `load`, and `ui`: the same Dagster job, from a shell.

Belongs here: how a run is started, what it prints, and its exit status.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import click
import dagster as dg

from pipelines import checks
from pipelines.assets.feeds import raw_key, table_key
from pipelines.cli.console import ERR, FEEDS_FAILED, NOT_BUILT, OUT, TEST_FAILED, UserError, progress
from pipelines.cli.headline import headline
from pipelines.cli.options import home_options, run_options, settings_of
from pipelines.definitions import defs_of
from pipelines.runtime import BadUsage, Runtime
from pipelines.schedules import DAILY_REFRESH, days_to_load, missing_days, run_request
from pipelines.settings import ROOT, Home, Mode
from pipelines.warehouse.home import claim
from pipelines.warehouse.reader import reading

DAGSTER_YAML = """\
telemetry: {enabled: false}
nux: {enabled: false}
concurrency: {pools: {default_limit: 1, granularity: op}}
python_logs: {managed_python_loggers: [outcrop], python_log_level: INFO}
"""
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
@click.option("--port", default=3000, show_default=True, help="Port on 127.0.0.1.")
def ui(port: int, **options: Any) -> None:
    """The Dagster UI and daemon over a home, schedules loaded and stopped."""
    settings = settings_of(options)
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
    _check_selection(runtime)
    if runtime.mode is Mode.ARCHIVE and not loads:
        raise BadUsage("Mode archive asks nobody: there is nothing to fetch.")
    with progress(f"outcrop, mode {runtime.mode}"), runtime.hold(lambda text: ERR.print(text, markup=False)):
        _instance_files(runtime.home)
        _execute(runtime, fetches=fetches and runtime.mode is not Mode.ARCHIVE, loads=loads)
    if loads:
        _report(runtime)


def _check_selection(runtime: Runtime) -> None:
    """Raises `BadUsage` where a subject or source is named that no feed has."""
    settings = runtime.settings
    for given, known, word in (
        (settings.subjects, {feed.subject for feed in runtime.feeds}, "subject"),
        (settings.sources, {feed.source for feed in runtime.feeds}, "source"),
    ):
        if unknown := sorted(set(given) - known):
            raise BadUsage(f"No feed has the {word} {', '.join(unknown)}. Known: {', '.join(sorted(known))}")
    if not runtime.selected:
        raise BadUsage("No feed has that subject and that source.")


def _execute(runtime: Runtime, *, fetches: bool, loads: bool) -> None:
    """Run the daily job's part in this process, on the persistent instance of the home."""
    definitions = defs_of(runtime)
    published = [key for key in definitions.resolve_all_asset_keys() if key.path[0] not in ("raw", "feeds")]
    days = (missing_days if fetches else days_to_load)(runtime, runtime.selected)
    request = run_request(runtime.selected, days, published if loads else [])
    wanted = {raw_key(feed) for feed in runtime.selected} if fetches else set()
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
                instance=instance, asset_selection=kept, tags=request.tags, run_config=QUIET
            )
        except Exception as error:
            raise _told(error, runtime) from error
    for check in result.get_asset_check_evaluations():
        if not check.passed and check.check_name not in checks.ABOUT:
            ERR.print(_warning(check), style="yellow", markup=False)


def _warning(check: dg.AssetCheckEvaluation) -> str:
    """A data test of severity warn that did not hold: which, how many rows, where."""
    failed = check.metadata.get("dagster_dbt/failed_row_count")
    rows = f"{failed.value} rows of " if failed else ""
    return (
        f"warning: it does not hold that {check.check_name.replace('_', ' ')} ({rows}{'.'.join(check.asset_key.path)})"
    )


def _told(error: Exception, runtime: Runtime) -> Exception:
    """A failed dbt build in the user's words; any other error as it is."""
    results = runtime.home.dbt_target / "run_results.json"
    if "Dbt" not in type(error).__name__ or not results.exists():
        return error
    nodes = json.loads(results.read_text(encoding="utf-8"))["results"]
    failed = [node for node in nodes if node["status"] == "fail"]
    broken = [node for node in nodes if node["status"] == "error"]
    lines = [
        f"  {node['unique_id'].split('.')[2]}: {' '.join((node['message'] or '').split())}" for node in failed + broken
    ]
    if broken or not failed:
        head, status = "The build failed", NOT_BUILT
    else:
        head, status = "A test that blocks publication failed", TEST_FAILED
    return UserError(
        f"{head}; nothing was published, the file published before stands.\n" + "\n".join(lines[:12]) + "\n"
        f"Look at the rows in {runtime.home.build} (compiled SQL: {runtime.home.dbt_target}/compiled).",
        status,
    )


def _report(runtime: Runtime) -> None:
    """The headline, the warnings, and what to try next. Ends with status 3 where a feed failed."""
    with reading(runtime.home) as connection:
        incidents = connection.sql(
            "select table_name, outcome, request, reason, next_step from meta.incidents order by all"
        ).fetchall()
        figures = headline(connection)
        example = connection.sql(
            "select fund_id, cast(trade_date as varchar) from marts.etf_flows where net_flow_usd <> 0"
            " order by trade_date desc, fund_id desc limit 1"
        ).fetchone()
        simulated = connection.sql("select is_simulated from meta.build").fetchone() == (True,)
    OUT.print()
    for label, value in figures:
        OUT.print(f"  {label:<45} {value}", markup=False)
    if simulated:
        OUT.print("  These figures are simulated: magnitudes of 2024, not its history.", style="yellow")
    OUT.print(f"\nPublished {_short(runtime.home.published)}")
    if incidents:
        lines = [
            f"{name}: {outcome}: {request}\n  {reason}\n  {next_step}"
            for name, outcome, request, reason, next_step in incidents
        ]
        raise UserError("Some feeds failed; of those, what stood before stands:\n" + "\n".join(lines), FEEDS_FAILED)
    OUT.print("Try next:")
    for command, text in next_commands(runtime, example):
        OUT.print(f"  {command}\n      {text}", markup=False)


def next_commands(runtime: Runtime, example: tuple[str, str] | None) -> Iterator[tuple[str, str]]:
    """Three commands that work as they stand: for this home, with a row that is in it."""
    outcrop = _short(Path(sys.executable).parent / "outcrop")
    home = f"--home {_short(runtime.home.path)} " if runtime.settings.home or runtime.mode is not Mode.SAMPLE else ""
    flows = "select fund_id, sum(net_flow_usd) as net_flow_usd from marts.etf_flows group by 1 order by 2 desc"
    yield f'{outcrop} query {home}"{flows}"', "SQL on the published file"
    if example:
        key = f"fund_id={example[0]} trade_date={example[1]}"
        receipt = "the receipt of a number, down to the archived bytes"
        yield f"{outcrop} explain {home}etf_flows {key} --column net_flow_usd", receipt
    yield "make ui" + ("" if runtime.mode is Mode.SAMPLE else f" FEEDS={runtime.mode}"), "assets, runs, schedules"


def _short(path: Path) -> str:
    """A path as a person would type it from here."""
    return os.fspath(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _instance_files(home: Home) -> None:
    """The Dagster instance of a home: its runs and events, no telemetry, one writer."""
    home.dagster.mkdir(parents=True, exist_ok=True)
    (home.dagster / "dagster.yaml").write_text(DAGSTER_YAML, encoding="utf-8")
