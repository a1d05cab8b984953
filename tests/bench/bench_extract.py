"""From eth_getLogs to a DuckDB file, whole processes: ours against each peer (goals P1, P2, P3, P4, P8).

Belongs here: who takes part in which goal, the rounds, the verdicts. Every candidate ends with a DuckDB file that
holds the raw logs and the decoded ERC-20 transfers, and is held against the truth after each of its runs.
Not here: how a candidate does it (ours.py, peers/run_*.py).

    python tests/bench/bench_extract.py [--rounds 5] [--only P2 …] [--smoke] [--profile]

`--smoke` runs every installed candidate once on the smallest chain, gate and nothing else; `--profile` tells where
our side's time goes, on W1.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import ours
from harness import (
    BENCH,
    Chain,
    GateShut,
    Node,
    Seen,
    Timing,
    Verdict,
    check,
    fresh_folder,
    is_installed,
    median,
    peer_python,
    publish,
    seen,
    spread,
    timed,
)

ERC20 = ("transfer.value",)
EVERY_TRANSFER = ("transfer.value", "erc721_transfer.tokenId")


@dataclass(frozen=True)
class Candidate:
    """One side: how its process is started in a folder of its own, and what its file is asked afterwards."""

    name: str
    command: Callable[[str, Chain, Path], list[str]]
    file: str
    logs: str
    transfers: str
    columns: tuple[str, ...] = ERC20

    def run(self, node: Node, chain: Chain) -> Timing:
        """One timed run, then the gate."""
        with fresh_folder() as folder:
            timing = timed(self.command(node.url, chain, folder))
            check(self.name, chain, self.seen(folder), self.columns)
        return timing

    def seen(self, folder: Path) -> Seen:
        return seen(folder / self.file, self.logs, self.transfers)


def _peer(name: str, logs: str, transfers: str, columns: tuple[str, ...] = ERC20) -> Candidate:
    def command(url: str, chain: Chain, folder: Path) -> list[str]:
        script = BENCH / "peers" / f"run_{name}.py"
        return [peer_python(name), str(script), url, str(chain.first), str(chain.last), str(folder / "out.duckdb")]

    return Candidate(name, command, "out.duckdb", logs, transfers, columns)


def _ours(url: str, chain: Chain, folder: Path) -> list[str]:
    ours.prepare(folder, url)
    return [sys.executable, str(BENCH / "ours.py"), "run", str(folder), str(chain.told["blocks"])]


OURS = Candidate("ours", _ours, ours.FILE, "feeds.evm_rpc__logs", ours.TRANSFERS)
CRYO = _peer("cryo", "logs", "select block_number, log_index, value_high::varchar, value_low::varchar from transfers")
TEXT = "select block_number, log_index, '0', value from {}transfers"
ETHEREUM_ETL = _peer("ethereum_etl", "", TEXT.format(""), EVERY_TRANSFER)
NAIVE = _peer("naive", "logs", TEXT.format(""))
DLT = _peer("dlt", "bench.logs", TEXT.format("bench."))
CANDIDATES = {"w1": [OURS, ETHEREUM_ETL, NAIVE, DLT], "w4": [OURS, CRYO, ETHEREUM_ETL]}
NEEDS = {
    "P1": {"w1": [OURS, ETHEREUM_ETL], "w4": [OURS, ETHEREUM_ETL]},
    "P2": {"w4": [OURS, CRYO]},
    "P3": {"w1": [OURS, NAIVE]},
    "P4": {"w1": [OURS, DLT]},
    "P8": {"w1": [OURS], "w4": [OURS]},
}
Measured = dict[tuple[str, str], list[Timing]]


def measure(goals: list[str], rounds: int) -> Measured:
    """(size, candidate) -> its runs. The candidates of a size take turns; the first round of all is thrown away."""
    measured: Measured = {}
    for size, candidates in CANDIDATES.items():
        wanted = [one for one in candidates if any(one in NEEDS[goal].get(size, []) for goal in goals)]
        if not wanted:
            continue
        chain = Chain.of(size)
        with Node(chain) as node:
            for number in range(rounds + 1):
                for one in wanted:
                    timing = one.run(node, chain)
                    print(
                        f"{size} round {number} {one.name}: {spread([timing])}, load {os.getloadavg()[0]:.1f}",
                        flush=True,
                    )
                    measured.setdefault((size, one.name), []).append(timing)
    return {key: timings[1:] for key, timings in measured.items()}


def verdicts(goals: list[str], measured: Measured) -> list[Verdict]:
    def faster(goal: str, what: str, size: str, peer: Candidate, at_least: float) -> Verdict:
        mine, other = (median(measured[size, name], "wall_seconds") for name in ("ours", peer.name))
        return Verdict(goal, what, f"{mine:.2f}s", f"{other:.2f}s", other / mine, at_least=at_least)

    def ours_rss(size: str) -> float:
        return median(measured[size, "ours"], "rss_mb")

    found: list[Verdict] = []
    if "P1" in goals:
        found.append(faster("P1 W1", "getLogs to DuckDB; peer: ethereum-etl, transfers only", "w1", ETHEREUM_ETL, 10))
        found.append(faster("P1 W4", "the same on W4", "w4", ETHEREUM_ETL, 15))
    if "P2" in goals:
        found.append(faster("P2", "getLogs to DuckDB on W4; peer: cryo and SQL, no archive", "w4", CRYO, 1))
        mine, other = (median(measured["w4", name], "cpu_seconds") for name in ("ours", "cryo"))
        found.append(Verdict("P2 CPU", "the same in CPU seconds", f"{mine:.2f}s", f"{other:.2f}s", other / mine, 1))
    if "P3" in goals:
        found.append(faster("P3", "W1; peer: requests, eth-abi, pandas", "w1", NAIVE, 4))
    if "P4" in goals:
        found.append(faster("P4", "W1; peer: dlt, a resource of JSON", "w1", DLT, 20))
        mine, other = ours_rss("w1"), median(measured["w1", "dlt"], "rss_mb")
        found.append(Verdict("P4 RSS", "its peak memory", f"{mine:.0f}MB", f"{other:.0f}MB", mine / other, at_most=0.3))
    if "P8" in goals:
        small, large = ours_rss("w1"), ours_rss("w4")
        found.append(
            Verdict("P8", "our peak memory, W4 over W1", f"{large:.0f}MB", f"{small:.0f}MB", large / small, at_most=1.2)
        )
        found.append(Verdict("P8 MB", "our peak memory on W4", f"{large:.0f}MB", "600MB", large / 600, at_most=1))
    return found


def smoke() -> None:
    """Every candidate whose environment stands, once, on the smallest chain."""
    chain = Chain.of("smoke")
    with Node(chain) as node:
        for one in (OURS, CRYO, ETHEREUM_ETL, NAIVE, DLT):
            if one is OURS or is_installed(one.name):
                one.run(node, chain)
                print(f"{one.name}: exact")


def profile() -> None:
    """Where our own seconds go."""
    chain = Chain.of("w1")
    with Node(chain) as node, fresh_folder() as folder:
        print(timed([*_ours(node.url, chain, folder), "--profile"]).output)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=list(NEEDS), default=list(NEEDS))
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    try:
        if options.smoke:
            smoke()
        elif options.profile:
            profile()
        else:
            publish(verdicts(options.only, measure(options.only, options.rounds)), options.rounds)
    except GateShut as shut:
        print(shut, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
