"""The options that commands share, and the settings that come of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import click

from pipelines.runtime import BadUsage, Runtime
from pipelines.settings import Mode, Settings
from pipelines.warehouse.home import check_mode, remembered

Command = Callable[..., Any]

DAY = click.DateTime(formats=["%Y-%m-%d"])


def home_options(command: Command) -> Command:
    """`--feeds` and `--home`, which every command has."""
    feeds = click.option(
        "--feeds",
        type=click.Choice([str(mode) for mode in Mode]),
        help="Where answers come from: the simulated world, the public feeds, or an archive. [default: sample]",
    )
    home = click.option("--home", type=click.Path(path_type=Path), help="The home itself, DIR/outcrop.duckdb.")
    debug = click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
    return feeds(home(debug(command)))


def run_options(command: Command) -> Command:
    """The options of `run`, `fetch` and `load`."""
    decorators = (
        home_options,
        click.option("--archive", type=click.Path(path_type=Path), help="Mode archive: the archive to load."),
        click.option("--from", "first_day", type=DAY, metavar="DAY", help="First day."),
        click.option("--to", "last_day", type=DAY, metavar="DAY", help="Last day."),
        click.option("--select", "subjects", multiple=True, metavar="SUBJECT", help="Only feeds of this subject."),
        click.option("--chain", "chains", multiple=True, metavar="ID", help="Of EVM nodes only those of this chain."),
        click.option("--source", "sources", multiple=True, metavar="ID", help="Only feeds of this source."),
    )
    for decorate in reversed(decorators):
        command = decorate(command)
    return command


def settings_of(options: dict[str, Any]) -> Settings:
    """Settings of a run: from the environment, with the given options on top. Raises `BadUsage`."""
    given = {name: value for name, value in options.items() if value not in (None, ())}
    for name in ("first_day", "last_day"):
        if name in given:
            given[name] = given[name].date()
    settings = Settings(**given)
    first, last = settings.first_day or date.min, settings.last_day or date.max
    if first > last:
        raise BadUsage(f"--from {first} is after --to {last}: no day lies between them.")
    if "archive" in given and settings.feeds is not Mode.ARCHIVE:
        raise BadUsage("--archive names the archive to load and goes with --feeds archive.")
    if settings.feeds is Mode.ARCHIVE and not settings.archive:
        archive = remembered(settings.at).get("archive")
        if archive is None:
            raise BadUsage("Mode archive needs the archive to load: --archive DIR")
        settings = settings.model_copy(update={"archive": Path(archive)})
    return settings


def reading_runtime(options: dict[str, Any]) -> Runtime:
    """The rooms of a home that is only looked at: its mode and archive are those that it remembers."""
    given = {name: value for name, value in options.items() if value is not None}
    settings = Settings(**given)
    standing = remembered(settings.at)
    if "feeds" in given:
        check_mode(settings.at, settings.feeds)
    if standing:
        update = {"feeds": Mode(standing["mode"]), "home": settings.at.path, "archive": Path(standing["archive"])}
        settings = settings.model_copy(update=update)
    return Runtime(settings)
