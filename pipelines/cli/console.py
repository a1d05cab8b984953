"""How the command line speaks: progress on a terminal, plain lines in a pipe, errors on one screen.

Belongs here: consoles, progress, and the exit status of each kind of error.
"""

from __future__ import annotations

import errno
import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager

from pydantic import ValidationError
from pydantic_settings import SettingsError
from rich.console import Console

from pipelines.registry import SeedError
from pipelines.runtime import BadUsage
from pipelines.transport.durable import ArchiveDamaged, ArchiveError
from pipelines.warehouse.errors import WarehouseError, WrongHome

OUT = Console(file=sys.stdout, soft_wrap=True, highlight=False)
ERR = Console(file=sys.stderr, soft_wrap=True, highlight=False)
"""Bound to the streams of the start: what libraries print while a run redirects them does not mix in."""

TEST_FAILED, BAD_USAGE, FEEDS_FAILED, NOT_BUILT, STOPPED = 1, 2, 3, 4, 130


class UserError(Exception):
    """An error that is already told in full: what, why, what now."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def status_of(error: BaseException) -> tuple[int, str]:
    """Exit status and text of an error. Kinds that we do not know point to `--debug`."""
    match error:
        case UserError():
            return error.status, str(error)
        case BadUsage() | WrongHome() | SeedError():
            status, text = BAD_USAGE, str(error)
        case WarehouseError() | ArchiveDamaged():
            status, text = NOT_BUILT, str(error)
        case ArchiveError():
            status, text = BAD_USAGE, str(error)
        case ValidationError():
            wrong = (f"OUTCROP_{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors())
            status, text = BAD_USAGE, "A setting cannot be used:\n  " + "\n  ".join(wrong)
        case SettingsError():
            example = "OUTCROP_SOURCES='[\"farside\"]'"
            status, text = BAD_USAGE, f"A setting cannot be used: {error}\nA list is written as JSON: {example}"
        case OSError(errno=errno.ENOSPC):
            stands = "What was published stands.\nFree space and run again."
            status, text = NOT_BUILT, f"The disk is full ({error.filename}). {stands}"
        case _:
            stands = "What was published stands. Add --debug for the traceback."
            status, text = NOT_BUILT, f"{type(error).__name__}: {error}\n{stands}"
    return status, text


class _Lines(logging.Handler):
    """Log records as lines: progress to the output, trouble to the error stream."""

    def emit(self, record: logging.LogRecord) -> None:
        is_trouble = record.levelno >= logging.WARNING
        console, style = (ERR, "yellow") if is_trouble else (OUT, None)
        console.print(record.getMessage(), style=style, markup=False)


@contextmanager
def progress(title: str) -> Generator[None, None, None]:
    """Show what the rooms report while they work; on a terminal with a sign of life."""
    logger = logging.getLogger("outcrop")
    handler = _Lines(logging.INFO)
    logger.addHandler(handler)
    try:
        if OUT.is_terminal:
            with OUT.status(title):
                yield
        else:
            yield
    finally:
        logger.removeHandler(handler)
