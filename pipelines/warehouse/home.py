"""The home of a mode: its marker, and the lock that a run holds from start to end.

Belongs here: what makes sure that one home serves one mode and one run at a time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from pipelines.settings import Home, Mode
from pipelines.warehouse.errors import LockNotHad, WrongHome


def claim(home: Home, mode: Mode) -> None:
    """Make the home, or make sure that it is one of this mode. Raises `WrongHome`."""
    home.path.mkdir(parents=True, exist_ok=True)
    if not home.marker.exists():
        home.marker.write_text(json.dumps({"mode": str(mode)}) + "\n", encoding="utf-8")
    standing = json.loads(home.marker.read_text(encoding="utf-8"))["mode"]
    if standing != mode:
        raise WrongHome(
            f"{home.path} is a home of mode {standing}, not {mode}: rows of two modes never meet.\n"
            f"Choose another --home, or run with --feeds {standing}."
        )


@contextmanager
def held(home: Home, wait_seconds: float, say: Callable[[str], None]) -> Generator[None, None, None]:
    """Hold the home for one run. Waits for a run in progress, saying so. Raises `LockNotHad`."""
    lock = FileLock(home.lock, is_singleton=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"Another run holds {home.path}; waiting up to {wait_seconds:.0f} s for it to end ...")
        try:
            lock.acquire(timeout=wait_seconds)
        except Timeout as error:
            raise LockNotHad(
                f"Another run has held {home.path} for more than {wait_seconds:.0f} s. Nothing was changed.\n"
                "Let it end, or raise OUTCROP_LOCK_WAIT_SECONDS; `outcrop doctor` shows who holds it."
            ) from error
    try:
        yield
    finally:
        lock.release()
