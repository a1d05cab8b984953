"""The `outcrop` command. One module for each group of commands; this one holds them together.

Belongs here: the group itself, and how an error ends: one screen, a next step, and the exit status of its kind.
"""

from __future__ import annotations

import logging
import sys
import warnings
from importlib import import_module
from typing import Any

import click

MODULES = {
    "run": "runs",
    "fetch": "runs",
    "load": "runs",
    "ui": "runs",
    "archive": "archives",
    "query": "reading",
    "explain": "reading",
    "digest": "reading",
    "doctor": "doctor",
}
"""Command -> its module. A module is imported when its command is asked for: Dagster alone takes seconds."""
SUMMARIES = {
    "run": "Fetch what is missing, load, build, test and publish.",
    "fetch": "Only ask the upstreams and archive their answers.",
    "load": "Load the archive, build, test and publish; ask nobody.",
    "ui": "The Dagster UI and daemon over a home.",
    "archive": "File a saved answer, list the archive, verify it.",
    "query": "Read-only SQL on the published file.",
    "explain": "The receipt of a number, down to the archived bytes.",
    "digest": "One line for each mart: rows and a digest.",
    "doctor": "What is wrong with this machine and this home.",
}


class Commands(click.Group):
    """Knows its commands by name and summary, and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in MODULES:
            return None
        return getattr(import_module(f"pipelines.cli.{MODULES[cmd_name]}"), cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="outcrop")
def outcrop() -> None:
    """The open, reproducible warehouse of Bitcoin's layers."""


def main() -> None:
    """Run the command line. Ends the process with the status that the error, if any, stands for."""
    warnings.simplefilter("ignore")
    logging.getLogger("outcrop").setLevel(logging.INFO)
    words: list[Any] = [word for word in sys.argv[1:] if word != "--debug"]
    try:
        outcrop(args=words, standalone_mode=False)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except Exception as error:
        _end(error, is_debug=len(words) < len(sys.argv) - 1)


def _end(error: Exception, *, is_debug: bool) -> None:
    from pipelines.cli.console import ERR, status_of  # noqa: PLC0415 (keeps --help fast)

    status, text = status_of(error)
    if is_debug:
        ERR.print_exception()
    ERR.print(text, highlight=False, markup=False)
    sys.exit(status)
