"""What every benchmark shares: the made chains, the node, environments of peers, timing, the gate, the verdicts.

Belongs here: processes, clocks, RESULTS.md. A time is that of a whole process, by `os.wait4`. Candidates take turns
(A B A B), the first round is thrown away, and what counts is the median.
Not here: what one benchmark asks of its candidates.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import Any

import duckdb
import gen_chain

BENCH = Path(__file__).resolve().parent
DATA = BENCH / ".data"
PEERS = BENCH / ".peers"
RESULTS = BENCH / "RESULTS.md"
PEER_LIMIT_SECONDS = 1_800
MB = 1_000_000


class GateShut(Exception):
    """A candidate came to something else than the truth: no ratio is printed."""


@dataclass(frozen=True)
class Chain:
    """A made chain on disk and the truth about it."""

    folder: Path
    told: dict[str, Any]

    @classmethod
    def of(cls, size: str) -> Chain:
        folder = DATA / size
        return cls(folder, gen_chain.make(folder, gen_chain.SIZES[size]))

    @property
    def first(self) -> int:
        return self.told["first_block"]

    @property
    def last(self) -> int:
        return self.told["last_block"]

    @property
    def logs(self) -> int:
        return self.told["logs"]


class Node:
    """The node's process, from `with` to the end of it."""

    def __init__(self, chain: Chain) -> None:
        command = [sys.executable, str(BENCH / "rpc_server.py"), "--chain", str(chain.folder)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def __enter__(self) -> Node:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def control(self, **limits: float) -> None:
        self._ask("/control", json.dumps(limits).encode())

    def stats(self) -> dict[str, Any]:
        return self._ask("/stats", b"")

    def _ask(self, path: str, body: bytes) -> dict[str, Any]:
        with urllib.request.urlopen(self.url + path, data=body) as answer:
            return json.load(answer)


@dataclass(frozen=True)
class Timing:
    """One process from start to end."""

    wall_seconds: float
    cpu_seconds: float
    rss_mb: float
    output: str


def timed(command: list[str], **environment: str) -> Timing:
    """Run a process to its end. Raises `GateShut` where it fails."""
    with tempfile.TemporaryFile() as output:
        started = monotonic()
        process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | environment)
        _, status, usage = os.wait4(process.pid, 0)
        wall = monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if process.returncode:
        raise GateShut(f"{' '.join(command[:2])} ended with {process.returncode}:\n{text[-3000:]}")
    return Timing(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / MB, text)


def is_installed(name: str) -> bool:
    """Whether the environment of a peer stands as its pins say."""
    stamp = PEERS / name / "pins.txt"
    return stamp.exists() and stamp.read_bytes() == (BENCH / "peers" / f"{name}.txt").read_bytes()


@cache
def peer_python(name: str) -> str:
    """The interpreter of a peer's own environment, which is made where it is missing or its pins have changed."""
    pins, folder = BENCH / "peers" / f"{name}.txt", PEERS / name
    python = folder / "bin" / "python"
    if not is_installed(name):
        print(f"installing {name} ...", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        wanted = ["--quiet", "--no-deps", "-r", str(pins)]
        uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
        install = [uv, "pip", "install", "--compile-bytecode", "--python", str(python)] if uv else []
        subprocess.run([*(install or [str(python), "-m", "pip", "install"]), *wanted], check=True)
        shutil.copy(pins, folder / "pins.txt")
    return str(python)


@contextmanager
def fresh_folder() -> Iterator[Path]:
    """A folder on the disk of the checkout, gone afterwards: a memory disk would flatter whoever writes most."""
    DATA.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=DATA, prefix="run-") as folder:
        yield Path(folder)


@dataclass(frozen=True)
class Seen:
    """What a candidate's DuckDB file holds. `logs` None: it keeps none."""

    logs: int | None
    transfers: int
    total: int
    most: int
    above_128_bits: int
    places: int


def seen(file: Path, logs: str, transfers: str) -> Seen:
    """Count a file. `transfers` selects block, log index, and the amount as text of its high and low 128 bits."""
    with duckdb.connect(file, read_only=True) as connection:
        (count,) = (connection.execute(f"select count(*) from {logs}").fetchone() or (0,)) if logs else (None,)
        rows = connection.execute(transfers).fetchall()
    values = [(int(high) << 128) + int(low) for _, _, high, low in rows]
    places = {(block, index) for block, index, _, _ in rows}
    return Seen(count, len(rows), sum(values), max(values), sum(value >> 128 > 0 for value in values), len(places))


def check(name: str, chain: Chain, found: Seen, columns: tuple[str, ...] = ("transfer.value",)) -> None:
    """Hold what was found against the truth. Raises `GateShut`."""
    parts = [chain.told["columns"][column] for column in columns]
    rows = sum(part["rows"] for part in parts)
    truth = Seen(
        logs=None if found.logs is None else chain.logs,
        transfers=rows,
        total=sum(int(part["total"]) for part in parts),
        most=max(int(part["most"]) for part in parts),
        above_128_bits=sum(part["above_128_bits"] for part in parts),
        places=rows,
    )
    if found != truth:
        raise GateShut(f"{name} is not exact:\n  found {found}\n  truth {truth}")


def median(timings: list[Timing], what: str) -> float:
    return statistics.median(getattr(timing, what) for timing in timings)


def spread(timings: list[Timing]) -> str:
    walls = [timing.wall_seconds for timing in timings]
    return (
        f"wall {median(timings, 'wall_seconds'):.2f} s (least {min(walls):.2f}, most {max(walls):.2f}),"
        f" cpu {median(timings, 'cpu_seconds'):.2f} s, rss {median(timings, 'rss_mb'):.0f} MB"
    )


@dataclass(frozen=True)
class Verdict:
    """One goal: the figures of both sides, and whether ours is on the right side of it."""

    goal: str
    subject: str
    ours: str
    peer: str
    ratio: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def is_met(self) -> bool:
        return (self.at_least is None or self.ratio >= self.at_least) and (
            self.at_most is None or self.ratio <= self.at_most
        )

    @property
    def wanted(self) -> str:
        return f">={self.at_least:g}" if self.at_least is not None else f"<={self.at_most:g}"

    def __str__(self) -> str:
        verdict = "PASS" if self.is_met else "MISS"
        return f"RATIO {self.goal} ours={self.ours} peer={self.peer} ratio={self.ratio:.3g} goal{self.wanted} {verdict}"


def publish(verdicts: list[Verdict], rounds: int) -> None:
    """Print the verdicts, and put them into RESULTS.md in the place of those of the same goals."""
    for verdict in verdicts:
        print(verdict, flush=True)
    header = ["| goal | what | ours | peer | ratio | wanted | | measured |", "|---|---|---|---|---|---|---|---|"]
    standing = RESULTS.read_text(encoding="utf-8").splitlines() if RESULTS.exists() else []
    rows = {line.split("|")[1].strip(): line for line in standing if line.startswith("| P")}
    when = f"{datetime.now(UTC):%Y-%m-%d}, {rounds} round{'s' if rounds > 1 else ''}, load {os.getloadavg()[0]:.1f}"
    for verdict in verdicts:
        cells = [verdict.goal, verdict.subject, verdict.ours, verdict.peer, f"{verdict.ratio:.3g}", verdict.wanted]
        rows[verdict.goal] = f"| {' | '.join(cells)} | {'PASS' if verdict.is_met else 'MISS'} | {when} |"
    order = sorted(rows, key=lambda goal: (int(goal[1:].split()[0]), goal))
    text = ["# Results", "", INTRODUCTION, "", *header, *(rows[goal] for goal in order), "", about_machine(), ""]
    RESULTS.write_text("\n".join(text), encoding="utf-8")


INTRODUCTION = """\
Written by `make bench`; a line is replaced when its goal is measured again. A ratio of speed is the peer's wall
seconds over ours, medians of whole processes that took turns, after a gate that held every candidate's rows against
the truth. How to read and repeat it: README.md beside this file."""


def about_machine() -> str:
    """What the figures depend on."""
    ours = ", ".join(f"{name} {version(name)}" for name in ("polars", "duckdb", "requests", "zstandard"))
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"Machine: {os.cpu_count()} cores, {system}. Ours: {ours}. Peers: {', '.join(_pinned())}."


def _pinned() -> list[str]:
    """The head of each peer's pins, the package that it is named for first."""
    lines = {name.stem: name.read_text(encoding="utf-8").splitlines() for name in (BENCH / "peers").glob("*.txt")}
    named = {
        "cryo": "cryo",
        "dlt": "dlt",
        "ethereum_etl": "ethereum-etl",
        "naive": "eth-abi",
        "tiders": "tiders-core",
    }
    return [
        line.replace("==", " ") for peer in sorted(lines) for line in lines[peer] if line.split("==")[0] == named[peer]
    ]
