"""Outcrop from outside: the command in processes of its own, readers beside it, and digests of what it leaves.

Belongs here: how whole-house tests start, watch and end runs. Nothing here asserts what a run should do.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from pipelines.settings import FILE_NAME, Home
from pipelines.warehouse.reader import digests

BIN = Path(sys.executable).parent
GUARD = Path(__file__).parent / "guard"
FORKS = """
import json, os, sys, tempfile
from pipelines.cli import archives, doctor, main, reading, runs
ends = []
for words in json.load(sys.stdin):
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            sys.argv = ["outcrop", *words]
            status = 0
            try:
                main()
            except SystemExit as end:
                status = end.code or 0
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
        _, how = os.waitpid(child, 0)
        out.seek(0)
        err.seek(0)
        ends.append((os.waitstatus_to_exitcode(how), out.read(), err.read()))
json.dump(ends, sys.stdout)
"""
"""A process that imports the command once and forks for each line of words that it is given."""
MOST_SECONDS = 300
"""A run takes 25 to 60 s on a quiet machine of two cores."""
SMALL = ("--source", "farside", "--source", "btcetffundflow")
"""The words of a run that asks and loads two sources only: all that the house does, in less time."""
CORES = 2
Digests = list[tuple[str, int, str]]
"""Name, rows and digest of each mart."""


@dataclass(frozen=True)
class Ran:
    """A finished command."""

    status: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


@dataclass(frozen=True)
class Outcrop:
    """The `outcrop` command, started in `folder` (which is not the checkout)."""

    folder: Path
    guard: Path | None = None
    """Where children note the internet sockets that they open (see guard/sitecustomize.py)."""
    prefix: tuple[str, ...] = ()

    def __call__(self, *words: object, **variables: object) -> Ran:
        done = subprocess.run(
            self._command(words),
            cwd=self.folder,
            env=self._environment(variables),
            capture_output=True,
            text=True,
            timeout=MOST_SECONDS,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def start(self, *words: object) -> subprocess.Popen:
        """The command in a session of its own, so that it can be killed with all its children."""
        return subprocess.Popen(
            self._command(words),
            cwd=self.folder,
            env=self._environment({}),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def several(self, *commands: Sequence[object]) -> list[Ran]:
        """Short commands, each in a process forked from one that has imported the libraries: most of each is that."""
        lines = json.dumps([[str(word) for word in words] for words in commands])
        done = subprocess.run(
            [sys.executable, "-c", FORKS],
            cwd=self.folder,
            env=self._environment({}),
            input=lines,
            capture_output=True,
            text=True,
            timeout=MOST_SECONDS,
            check=True,
        )
        return [Ran(*parts) for parts in json.loads(done.stdout)]

    def _command(self, words: Sequence[object]) -> list[str]:
        return [*self.prefix, os.fspath(BIN / "outcrop"), *(str(word) for word in words)]

    def _environment(self, variables: dict[str, object]) -> dict[str, str]:
        watched = {"PYTHONPATH": os.fspath(GUARD), "OUTCROP_GUARD": os.fspath(self.guard)} if self.guard else {}
        return os.environ | watched | {name: str(value) for name, value in variables.items()}


def together(*calls: Callable[[], Any]) -> list[Any]:
    """The results of independent calls, as many at a time as the reference machine has cores."""
    with ThreadPoolExecutor(CORES) as threads:
        return [future.result() for future in [threads.submit(call) for call in calls]]


@lru_cache(maxsize=1)
def without_network() -> tuple[str, ...]:
    """The words that start a command in an empty network namespace; none where the machine allows no such thing."""
    for words in (("unshare", "-n"), ("unshare", "-rn")):
        try:
            if subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0:
                return words
        except FileNotFoundError:
            return ()
    return ()


def rows(home: Path, sql: str) -> list[tuple]:
    """The answer of the published file."""
    with duckdb.connect(home / FILE_NAME, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def digest(home: Path) -> Digests:
    """Name, rows and digest of each published mart."""
    return digests(Home(home))


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def contents(folder: Path) -> dict[str, tuple[str, int]]:
    """Every file below a folder: its hash and when it was written."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {os.fspath(file.relative_to(folder)): (sha256(file), file.stat().st_mtime_ns) for file in files}


def kill_when(process: subprocess.Popen, moment: Callable[[], bool]) -> bool:
    """SIGKILL to the process and its children as soon as `moment` has come. False where it ended before."""
    deadline = time.monotonic() + MOST_SECONDS
    try:
        while time.monotonic() < deadline and process.poll() is None:
            if moment():
                return True
            time.sleep(0.003)
        return False
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)


@dataclass
class Reader:
    """Opens the published file again and again, as a user's notebook would, and notes what it saw."""

    home: Path
    pause_seconds: float = 0.02
    reads: int = 0
    failures: list[str] = field(default_factory=list)
    builds: list[tuple] = field(default_factory=list)
    """(finished_at, rows of the mart) of each build seen, in the order seen."""
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Reader:
        self._read()
        self._thread = threading.Thread(target=self._poll)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=30)
        self._read()

    def _poll(self) -> None:
        while not self._stop.wait(self.pause_seconds):
            self._read()

    def _read(self) -> None:
        try:
            [build] = rows(self.home, "select finished_at, (select count(*) from marts.etf_flows) from meta.build")
        except (duckdb.Error, OSError) as error:
            self.failures.append(repr(error))
            return
        self.reads += 1
        if not self.builds or self.builds[-1] != build:
            self.builds.append(build)


@dataclass(frozen=True)
class Built:
    """A home and the run that built it, with the internet sockets that its processes opened."""

    home: Path
    ran: Ran
    archive: Path
    sockets: list[str]
    watched: int
    archive_before: dict[str, tuple[str, int]]


@dataclass(frozen=True)
class Again:
    """The second run of a home under the eyes of a reader, and a third that had to load everything anew."""

    home: Path
    second: Ran
    archives: tuple[dict[str, tuple[str, int]], dict[str, tuple[str, int]]]
    digests: tuple[Digests, Digests, Digests]
    reader: Reader
    reloaded: Ran
