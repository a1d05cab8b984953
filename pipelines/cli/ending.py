"""How a run ends on the screen: the headline and what to try next, or what went wrong and what to do.

Belongs here: what is said after a run, and the exit status that goes with it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg
from dagster_dbt.errors import DagsterDbtCliRuntimeError

from pipelines import checks
from pipelines.checks import ANSWERED
from pipelines.cli.console import ERR, FEEDS_FAILED, NOT_BUILT, OUT, TEST_FAILED, UserError
from pipelines.cli.headline import headline
from pipelines.runtime import Runtime
from pipelines.settings import Mode
from pipelines.warehouse.errors import NothingToBuild
from pipelines.warehouse.reader import Told, incidents_in, incidents_of_build, reading

MOST_LINES = 12
"""An error fits one screen."""


def report_checks(results: Sequence[dg.AssetCheckEvaluation], *, is_all: bool) -> None:
    """Say which data tests did not hold. With `is_all` a request that failed ends the command with status 3."""
    failed = [check for check in results if not check.passed]
    for check in failed:
        if check.check_name not in checks.ABOUT:
            ERR.print(warning(check), style="yellow", markup=False)
    unanswered = [
        f"{'/'.join(one.asset_key.path[1:])}: {one.description}" for one in failed if one.check_name == ANSWERED
    ]
    if is_all and unanswered:
        later = "The next run asks again; `outcrop load` says what else can be done."
        raise UserError("\n".join(["Some feeds were not answered:", *unanswered, later]), FEEDS_FAILED)


def warning(check: dg.AssetCheckEvaluation) -> str:
    """A data test of severity warn that did not hold: which, how many rows, where."""
    failed = check.metadata.get("dagster_dbt/failed_row_count")
    rows = f"{failed.value} rows of " if failed else ""
    return (
        f"warning: it does not hold that {check.check_name.replace('_', ' ')} ({rows}{'.'.join(check.asset_key.path)})"
    )


def told(error: Exception, runtime: Runtime) -> Exception:
    """A run that ended without publishing in the user's words; an error of our own as it is."""
    if isinstance(error, NothingToBuild):
        lines = incident_lines(incidents_of_build(runtime.home.build))
        return UserError("\n".join([str(error), *lines]), NOT_BUILT)
    results = runtime.home.dbt_target / "run_results.json"
    if not isinstance(error, DagsterDbtCliRuntimeError) or not results.exists():
        return error
    nodes = json.loads(results.read_text(encoding="utf-8"))["results"]
    failed = [node for node in nodes if node["status"] == "fail"]
    broken = [node for node in nodes if node["status"] == "error"]
    is_test = failed and not broken
    head = "A test that blocks publication failed" if is_test else "The build failed"
    lines = [
        f"  {node['unique_id'].split('.')[2]}: {' '.join((node['message'] or '').split())}" for node in failed + broken
    ]
    return UserError(
        f"{head}: nothing was published; a file published before stands.\n" + "\n".join(lines[:MOST_LINES]) + "\n"
        f"Look at the rows in {short(runtime.home.build)} (compiled SQL: {short(runtime.home.dbt_target)}/compiled).",
        TEST_FAILED if is_test else NOT_BUILT,
    )


def report(runtime: Runtime) -> None:
    """The headline, the warnings, and what to try next. Ends with status 3 where a feed failed."""
    with reading(runtime.home) as connection:
        incidents = incidents_in(connection)
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
    OUT.print(f"\nPublished {short(runtime.home.published)}")
    if incidents:
        lines = ["Some feeds failed; of those, what stood before stands:", *incident_lines(incidents)]
        raise UserError("\n".join(lines), FEEDS_FAILED)
    OUT.print("Try next:")
    for command, text in next_commands(runtime, example):
        OUT.print(f"  {command}\n      {text}", markup=False)


def next_commands(runtime: Runtime, example: tuple[str, str] | None) -> Iterator[tuple[str, str]]:
    """Three commands that work as they stand: for this home, with a row that is in it."""
    outcrop = short(Path(sys.executable).parent / "outcrop")
    home = f"--home {short(runtime.home.path)} " if runtime.settings.home or runtime.mode is not Mode.SAMPLE else ""
    flows = "select fund_id, sum(net_flow_usd) as net_flow_usd from marts.etf_flows group by 1 order by 2 desc"
    yield f'{outcrop} query {home}"{flows}"', "SQL on the published file"
    if example:
        key = f"fund_id={example[0]} trade_date={example[1]}"
        receipt = "the receipt of a number, down to the archived bytes"
        yield f"{outcrop} explain {home}etf_flows {key} --column net_flow_usd", receipt
    yield f"{outcrop} ui {home}".rstrip() if home else "make ui", "assets, runs and schedules in a browser"


def short(path: Path) -> str:
    """A path as a person would type it from here."""
    return os.fspath(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def incident_lines(incidents: list[Told]) -> list[str]:
    """Each kind of incident of a table with its first request, reason and next step; beyond a screen their number."""
    kinds: dict[tuple[str, str], list[Told]] = {}
    for one in incidents:
        kinds.setdefault((one.table_name, one.outcome), []).append(one)
    shown = list(kinds.values())[: MOST_LINES // 2]
    lines = [
        f"{one.table_name}: {one.outcome}: {one.request}{f' (and {len(alike)} like it)' if alike else ''}\n"
        f"  {one.reason}\n  " + one.next_step.replace("\n", "\n  ")
        for one, *alike in shown
    ]
    rest = len(incidents) - sum(map(len, shown))
    return [*lines, f"and {rest} more: outcrop query 'from meta.incidents'"] if rest else lines
