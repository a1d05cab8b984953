"""The home of a mode: its marker, and the lock that a run holds from start to end.

Belongs here: what makes sure that one home serves one mode and one run at a time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from pipelines.settings import Home, Mode
from pipelines.warehouse.errors import LockNotHad, WrongHome


def check_mode(home: Home, mode: Mode) -> None:
    """Make sure that the home, if it is there, is one of this mode. Raises `WrongHome`."""
    standing = remembered(home)
    if standing and standing["mode"] != mode:
        raise WrongHome(
            f"{home.path} is a home of mode {standing['mode']}, not {mode}: rows of two modes never meet.\n"
            f"Choose another --home, or run with --feeds {standing['mode']}."
        )


def claim(home: Home, mode: Mode, archive: Path) -> None:
    """Make the home, or make sure that it is one of this mode. Raises `WrongHome`.

    The marker also remembers the archive that the home is built from; its own as a relative path, so that a
    home can be moved.
    """
    check_mode(home, mode)
    home.path.mkdir(parents=True, exist_ok=True)
    place = archive.relative_to(home.path) if archive.is_relative_to(home.path) else archive
    text = json.dumps({"mode": str(mode), "archive": os.fspath(place)}) + "\n"
    if not home.marker.exists() or home.marker.read_text(encoding="utf-8") != text:
        draft = home.marker.with_suffix(".tmp")
        draft.write_text(text, encoding="utf-8")
        draft.replace(home.marker)


def remembered(home: Home) -> dict[str, str]:
    """Mode and archive of a home; empty where there is none yet."""
    if not home.marker.exists():
        return {}
    try:
        told = json.loads(home.marker.read_text(encoding="utf-8"))
        return {"mode": told["mode"], "archive": os.fspath(home.path / told["archive"])}
    except (ValueError, KeyError, TypeError) as error:
        raise WrongHome(
            f"{home.marker} cannot be read, so nobody knows which mode {home.path} is of.\n"
            "Delete that file if you know, and run again with the right --feeds."
        ) from error


@contextmanager
def held(home: Home, wait_seconds: float, say: Callable[[str], None]) -> Generator[None, None, None]:
    """Hold the home for one run. Waits for a run in progress, saying so. Raises `LockNotHad`."""
    home.path.mkdir(parents=True, exist_ok=True)
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
