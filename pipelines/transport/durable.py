"""Writing that survives a kill or a power cut.

Belongs here: whole files by temporary file, fsync and rename; single lines by one write and fsync.
Not here: what the files hold.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

LEFTOVER = ".tmp"
"""Suffix of a file that was being written; a writer that was killed leaves it behind, readers pass it by."""


class ArchiveError(Exception):
    """An archive is not what it should be: what is wrong, and what to do now."""


class ArchiveDamaged(ArchiveError):
    """Something that was filed is gone or changed; a table is not filled from the rest."""


def make_folder(folder: Path) -> None:
    """The folder and its missing parents, each of them entered durably in its own parent."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _flush_folder(folder.parent)


def write_whole(path: Path, content: bytes, *, survives_power_cut: bool = True) -> None:
    """The file with this content, or no trace of it: never a part under its own name."""
    make_folder(path.parent)
    unfinished = path.parent / f".{path.name}.{os.getpid()}.{threading.get_ident()}{LEFTOVER}"
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            if survives_power_cut:
                file.flush()
                os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    if survives_power_cut:
        _flush_folder(path.parent)


def append_line(path: Path, line: bytes, *, survives_power_cut: bool = True) -> None:
    """One more line at the end of the file, in one write, and on a line of its own behind a torn one."""
    make_folder(path.parent)
    is_new = not path.exists()
    with path.open("ab+", buffering=0) as file:
        if file.tell() > 0:
            file.seek(-1, os.SEEK_END)
            line = line if file.read(1) == b"\n" else b"\n" + line
        written = file.write(line)
        if survives_power_cut:
            os.fsync(file.fileno())
    if written != len(line):
        raise OSError(f"{path}: only {written} of {len(line)} bytes could be written. Is the disk full?")
    if is_new and survives_power_cut:
        _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
