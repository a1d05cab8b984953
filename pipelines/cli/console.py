"""How the command line speaks: progress on a terminal, plain lines in a pipe, errors on one screen.

Belongs here: consoles, progress, and the exit status of each kind of error.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager

from pydantic import ValidationError
from rich.console import Console

from pipelines.registry import SeedError
from pipelines.runtime import BadUsage
from pipelines.transport.durable import ArchiveDamaged, ArchiveError
from pipelines.warehouse.errors import WarehouseError, WrongHome

OUT = Console(file=sys.stdout, soft_wrap=True, highlight=False)
ERR = Console(file=sys.stderr, soft_wrap=True, highlight=False)
"""Bound to the streams of the start: what libraries print while a run redirects them does not mix in."""

PUBLISHED, TEST_FAILED, BAD_USAGE, FEEDS_FAILED, NOT_BUILT = 0, 1, 2, 3, 4


class UserError(Exception):
    """An error that is already told in full: what, why, what now."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def status_of(error: BaseException) -> tuple[int, str]:
    """Exit status and text of an error. Kinds that we do not know point to `--debug`."""
    if isinstance(error, UserError):
        return error.status, str(error)
    if isinstance(error, (WarehouseError, ArchiveDamaged)) and not isinstance(error, WrongHome):
        return NOT_BUILT, str(error)
    if isinstance(error, (BadUsage, WrongHome, ArchiveError, SeedError)):
        return BAD_USAGE, str(error)
    if isinstance(error, ValidationError):
        wrong = (f"OUTCROP_{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors())
        return BAD_USAGE, "A setting cannot be used:\n  " + "\n  ".join(wrong)
    if isinstance(error, OSError) and error.errno == 28:  # ENOSPC
        return (
            NOT_BUILT,
            f"The disk is full ({error.filename}). What was published stands.\nFree space and run again.",
        )
    kind = type(error).__name__
    text = f"{kind}: {error}\nWhat was published stands. Add --debug for the traceback."
    return NOT_BUILT, text


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
