"""`outcrop doctor`: what is wrong with this machine and this home, and what to do about it.

Belongs here: checks that change nothing. Each ends as one line: fine, or what to do.
"""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import click
import duckdb
from filelock import FileLock, Timeout

from pipelines.cli.console import NOT_BUILT, OUT, UserError
from pipelines.cli.options import home_options, reading_runtime
from pipelines.runtime import Runtime
from pipelines.settings import ROOT
from pipelines.transport.archive import Archive, ArchiveError
from pipelines.warehouse.reader import reading
from pipelines.wire import Outcome

PINNED = {"duckdb": "1.5.5", "dagster": "1.13.27", "dbt-duckdb": "1.11.1", "polars": "2.1.0"}
"""The versions that pyproject.toml pins: the file format, the dbt adapter and exact decimals depend on them."""
FREE_BYTES_WANTED = 2_000_000_000


@dataclass(frozen=True)
class Finding:
    """One line of the doctor. `advice` is what to do; None where all is well."""

    subject: str
    text: str
    advice: str | None = None


@click.command()
@click.option("--offline", is_flag=True, help="Look at this machine only; otherwise also look up each host's name.")
@home_options
def doctor(*, offline: bool, **options: Any) -> None:
    """Versions, disk, lock, archive, feeds: what is wrong and what to do."""
    runtime = reading_runtime(options)
    findings = [*_versions(), *_disk(runtime), *_lock(runtime), *_archive(runtime), *_published(runtime)]
    if not offline:
        findings += _hosts(runtime)
    for finding in findings:
        mark, style = ("!", "yellow") if finding.advice else ("ok", "green")
        OUT.print(f"{mark:>3}  {finding.subject:<12} {finding.text}", style=style, markup=False)
        if finding.advice:
            OUT.print(f"{'':18}{finding.advice}", markup=False)
    if ill := [finding for finding in findings if finding.advice]:
        raise UserError(f"{len(ill)} of {len(findings)} need attention.", NOT_BUILT)


def _versions() -> Iterator[Finding]:
    yield Finding("python", sys.version.split()[0])
    for package, wanted in PINNED.items():
        found = version(package)
        advice = None if found == wanted else f"{wanted} is pinned; remake the environment: rm -rf .venv && make run"
        yield Finding(package, found, advice)


def _disk(runtime: Runtime) -> Iterator[Finding]:
    free = shutil.disk_usage(runtime.home.path if runtime.home.path.exists() else ROOT).free
    advice = None if free > FREE_BYTES_WANTED else "Free some space: a build needs about three times its file."
    yield Finding("disk", f"{free / 1e9:,.1f} GB free", advice)


def _lock(runtime: Runtime) -> Iterator[Finding]:
    if not runtime.home.path.exists():
        yield Finding("home", f"{runtime.home.path} is not there yet; the first run makes it")
        return
    try:
        with FileLock(runtime.home.lock, timeout=0):
            yield Finding("lock", "no run in progress")
    except Timeout:
        yield Finding("lock", "a run is in progress")


def _archive(runtime: Runtime) -> Iterator[Finding]:
    try:
        archive = Archive(runtime.settings.archive_dir, read_only=True)
    except ArchiveError as error:
        first, *rest = str(error).splitlines()
        yield Finding("archive", first, " ".join(rest) or "The first run makes it.")
        return
    report = archive.verify()
    text = f"{report.rows:,} attempts, {report.bodies:,} bodies, {report.bytes_on_disk / 1e6:,.1f} MB"
    advice = f"{len(report.problems)} problems: outcrop archive verify" if report.problems else None
    yield Finding("archive", text, advice)
    for feed in (feed for feed in runtime.feeds if feed.asks):
        rows = archive.ledger(feed.feed_id)
        good = [row["fetched_at"] for row in rows.iter_rows(named=True) if row["outcome"] == Outcome.OK]
        last = f"last good answer {max(good):%Y-%m-%d %H:%M} UTC" if good else "no good answer yet"
        if off := runtime.why_off(feed):
            last = f"{last}; off: {off}"
        newest = rows.row(-1, named=True) if rows.height else None
        is_ill = newest is not None and newest["outcome"] != Outcome.OK
        advice = f"The newest attempt ended as {newest['outcome']}: {newest['error']}" if newest and is_ill else None
        yield Finding(feed.feed_id, last, advice)


def _published(runtime: Runtime) -> Iterator[Finding]:
    if not runtime.home.published.exists():
        yield Finding("published", "nothing yet", "Build it: outcrop run")
        return
    try:
        with reading(runtime.home) as connection:
            (as_of,) = connection.sql("select as_of from meta.build").fetchone() or (None,)
        yield Finding("published", f"{runtime.home.published.stat().st_size / 1e6:,.1f} MB, as of {as_of} UTC")
    except duckdb.Error as error:
        yield Finding("published", f"cannot be read: {error}", "Build it anew: outcrop load")


def _hosts(runtime: Runtime) -> Iterator[Finding]:
    asked = (*runtime.registry.sources.values(), *runtime.registry.all_endpoints)
    for host in sorted({host for one in asked for host in one.hosts}):
        try:
            socket.getaddrinfo(host, 443)
            yield Finding(host, "its name is known")
        except OSError as error:
            yield Finding(host, str(error), "No way to ask it from here; modes sample and archive need none.")
