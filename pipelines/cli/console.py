"""How the command line speaks: progress on a terminal, plain lines in a pipe, errors on one screen.

Belongs here: consoles, progress, and the exit status of each kind of error.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from pipelines.runtime import BadUsage
from pipelines.transport.archive import ArchiveError
from pipelines.warehouse.errors import WarehouseError, WrongHome

OUT = Console(soft_wrap=True, highlight=False)
ERR = Console(stderr=True, soft_wrap=True, highlight=False)

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
    if isinstance(error, (BadUsage, WrongHome, ArchiveError)):
        return BAD_USAGE, str(error)
    if isinstance(error, WarehouseError):
        return NOT_BUILT, str(error)
    if isinstance(error, OSError) and error.errno == 28:  # ENOSPC
        return NOT_BUILT, f"The disk is full ({error.filename}). What was published stands.\nFree space and run again."
    kind = type(error).__name__
    text = f"{kind}: {error}\nWhat was published stands. Add --debug for the traceback."
    return NOT_BUILT, text


class _Lines(logging.Handler):
    """Log records as lines; on a terminal the newest information stays in the status line."""

    def __init__(self, status: object) -> None:
        super().__init__(logging.INFO)
        self._status = status

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno >= logging.WARNING:
            ERR.print(text, style="yellow", markup=False)
        else:
            OUT.print(text, markup=False)


@contextmanager
def progress(title: str) -> Iterator[None]:
    """Show what the rooms report while they work."""
    logger = logging.getLogger("outcrop")
    with OUT.status(title) if OUT.is_terminal else _nothing() as status:
        handler = _Lines(status)
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)


@contextmanager
def _nothing() -> Iterator[None]:
    yield None
