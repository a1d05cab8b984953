"""`outcrop archive`: file a saved answer, list what there is, re-hash every body.

Belongs here: what a person does with an archive by hand.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from pipelines.cli.console import ERR, NOT_BUILT, OUT, UserError
from pipelines.cli.options import home_options, reading_runtime
from pipelines.feeds.base import Feed
from pipelines.runtime import BadUsage, Runtime
from pipelines.settings import Clock, Mode, Settings, utc
from pipelines.transport.archive import Archive
from pipelines.transport.ledger import BY_HAND, LedgerRow
from pipelines.transport.screening import screen
from pipelines.warehouse.home import check_mode, remembered
from pipelines.wire import BodyRefused, Outcome, Request


@click.group()
def archive() -> None:
    """The archive: every answer ever received, and the ledger of every attempt."""


def _archive_option(command):
    return click.option("--archive", "folder", type=click.Path(path_type=Path), help="[default: of the home]")(command)


@archive.command(name="import")
@home_options
@click.option("--url", required=True, help="The address that the saved answer is of.")
@click.option("--file", "file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--fetched-at", required=True, metavar="TIME", help="When it was saved, such as 2024-11-21T14:00Z.")
@click.option("--method", default="GET", show_default=True, help="HTTP method of the request.")
@click.option("--body", help="JSON text that the request posted.")
@_archive_option
def import_(url: str, file: Path, fetched_at: str, folder: Path | None, **options: Any) -> None:
    """File a saved answer as the answer of an address that a feed owns."""
    method, body = options.pop("method"), options.pop("body")
    runtime = _importing(options)
    request = _request(url, method, body)
    feed = _owner(runtime, request)
    size, cap = file.stat().st_size, runtime.settings.max_body_bytes
    if size > cap:
        raise BadUsage(f"{file} has {size:,} bytes, more than the cap of {cap:,} (OUTCROP_MAX_BODY_BYTES).")
    content = file.read_bytes()
    row = _row(feed, request, content, _instant(fetched_at))
    if folder is None:
        check_mode(runtime.home, runtime.mode)
        folder = Path(remembered(runtime.home).get("archive") or runtime.home.archive)
    target = Archive.create(folder, "public")
    target.store(content)
    target.append(row)
    OUT.print(
        f"Filed {file} ({len(content):,} bytes) in {folder}\nas {row.fetch_id}: answer of {request} to {feed.feed_id}",
        markup=False,
    )
    if row.outcome != Outcome.OK:
        ERR.print(f"It will be refused when it is loaded: {row.outcome}: {row.error}", style="yellow", markup=False)


@archive.command()
@home_options
@_archive_option
def ls(folder: Path | None, **options: Any) -> None:
    """List every attempt, oldest first: when, feed, outcome, bytes, id, request."""
    for row in _open(folder, options).ledger().iter_rows(named=True):
        size = f"{row['bytes'] or 0:,}"
        OUT.print(
            f"{row['fetched_at']:%Y-%m-%d %H:%M:%S}  {row['feed']:<30} {row['outcome']:<16} {size:>12}"
            f"  {row['fetch_id']}  {row['method']} {row['url']}",
            markup=False,
        )


@archive.command()
@home_options
@_archive_option
def verify(folder: Path | None, **options: Any) -> None:
    """Re-hash every body against the ledger. Ends with status 4 where something is not as it was filed."""
    opened = _open(folder, options)
    report = opened.verify()
    OUT.print(
        f"{opened.path}: {report.rows:,} attempts, {report.bodies:,} bodies,"
        f" {report.bytes_on_disk:,} bytes on disk, {report.bytes_decoded:,} decoded"
    )
    if report.problems:
        lines = [f"  {one.fault}: {one.subject}: {one.detail}" for one in report.problems]
        raise UserError("\n".join(["The archive is not as it was filed:", *lines]), NOT_BUILT)
    OUT.print("Every body is what the ledger says.")


def _open(folder: Path | None, options: dict[str, Any]) -> Archive:
    return Archive(folder or reading_runtime(options).settings.archive_dir, read_only=True)


def _importing(options: dict[str, Any]) -> Runtime:
    """The rooms of the home whose archive takes a saved answer: a live one, unless another is named."""
    given: dict[str, Any] = {"feeds": Mode.LIVE}
    given |= {name: value for name, value in options.items() if value is not None}
    settings = Settings(**given)
    if settings.feeds is Mode.SAMPLE:
        raise BadUsage(
            "The archive of a sample home holds what the simulated world answers, and nothing else.\n"
            "File a saved answer in the live home, or in an archive of your own: --archive DIR"
        )
    return Runtime(settings)


def _request(url: str, method: str, body: str | None) -> Request:
    try:
        return Request.of(url, method, body).without_secrets()
    except ValueError as error:
        raise BadUsage(f"--url {url!r} is no address: {error}") from error


def _owner(runtime: Runtime, request: Request) -> Feed:
    """The feed that reads answers of this address. Raises `BadUsage` with the addresses that are known."""
    owners = [feed for feed in runtime.feeds if feed.owns(request.target)]
    if not owners:
        pages = [feed for feed in runtime.feeds if feed.manners.access == "page"]
        known = [f"  {url}  ({feed.feed_id})" for feed in pages for url in feed.known_urls]
        rest = f"and those of {len(runtime.feeds) - len(pages)} other feeds (pipelines/feeds)"
        raise BadUsage("\n".join([f"No feed reads answers of {request}. Pages that people save:", *known, rest]))
    return owners[0]


def _instant(text: str) -> datetime:
    """The time that was given. One that is still to come would hide every answer until then."""
    try:
        instant = utc(datetime.fromisoformat(text))
    except ValueError as error:
        raise BadUsage(f"--fetched-at {text!r} is no time; write it as 2024-11-21T14:00Z") from error
    if instant > Clock().now():
        raise BadUsage(f"--fetched-at {text} is still to come; say when the answer was saved, in UTC.")
    return instant


def _row(feed: Feed, request: Request, content: bytes, fetched_at: datetime) -> LedgerRow:
    """The ledger row of a saved answer, screened like one that came over the network."""
    is_json = content.lstrip()[:1] in (b"{", b"[")
    content_type = "application/json" if is_json else "text/html"
    outcome, error = Outcome.OK, None
    try:
        screen(feed.media, content_type, content)
    except BodyRefused as refusal:
        outcome, error = refusal.outcome, refusal.reason
    return LedgerRow.of(
        feed=feed.feed_id,
        method=request.method,
        url=request.url,
        params=request.params,
        request_body=request.body,
        fetched_at=fetched_at,
        status=200,
        content_type=content_type,
        charset="utf-8",
        headers=BY_HAND,
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        outcome=outcome,
        error=error,
    )
