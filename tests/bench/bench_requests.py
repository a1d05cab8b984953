"""How many requests our side needs, and how fast it dares to ask (goals P9, P10).

Belongs here: nodes with a cap on blocks, on logs or on the rate; a second run; a run killed and taken up again.
The least number of eth_getLogs is found by taking, from the first block on, as many blocks as the caps allow.
Not here: the caps themselves (rpc_server.py).

    python tests/bench/bench_requests.py [--only range rows kill rate]
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gen_chain
import ours
from harness import BENCH, Chain, GateShut, Node, Verdict, check, fresh_folder, publish, seen, timed

MOST_BLOCKS = 100
MOST_BLOCKS_BESIDE_ROWS = 2_000
MOST_LOGS = 2_000
LATENCY_MS = 50
RATE_PER_SECOND = 20
BUCKET_SECONDS = 2
"""The node lets a client save up so much of its rate."""
WARM_UP_SECONDS = 5
THREADS = 8
KILLED_AFTER = 40
OVERHEAD = 1.05
"""Requests over the least number of them."""


def blocks_of_days(chain: Chain) -> tuple[int, int]:
    """First and last block of the days that have logs: those are asked for whole."""
    days = -(-chain.told["blocks"] // gen_chain.BLOCKS_PER_DAY)
    return chain.first, chain.first + days * gen_chain.BLOCKS_PER_DAY - 1


def least_requests(chain: Chain, most_blocks: int, most_logs: int = 0) -> int:
    """How few ranges cover the days under both caps."""
    first, last = blocks_of_days(chain)
    count, start = 0, first
    while start <= last:
        end, dense = start + most_blocks - 1, max(0, chain.last - start + 1) * gen_chain.LOGS_PER_BLOCK
        if most_logs and dense > most_logs:
            end = min(end, start + most_logs // gen_chain.LOGS_PER_BLOCK - 1)
        count, start = count + 1, end + 1
    return count


def command(folder: Path, chain: Chain, *more: str) -> list[str]:
    return [sys.executable, str(BENCH / "ours.py"), "run", str(folder), str(chain.told["blocks"]), *more]


def gate(folder: Path, chain: Chain) -> None:
    check("ours", chain, seen(folder / ours.FILE, "feeds.evm_rpc__logs", ours.TRANSFERS))


def asked_logs(stats: dict[str, Any]) -> int:
    """All eth_getLogs of a run, refused ones too; where the rate was refused nothing else is known of a request."""
    return stats["calls"].get("eth_getLogs", 0) + stats["refused_rate"]


def _told(name: str, stats: dict[str, Any]) -> None:
    keys = ("http_requests", "calls", "refused_range", "refused_logs", "refused_rate", "refused_batch")
    print(f"{name}: { ({key: stats[key] for key in keys}) }", flush=True)


def under_caps(goal: str, subject: str, chain: Chain, caps: dict[str, int], told: dict[str, int]) -> list[Verdict]:
    """One run under caps, of which the seeds tell what is `told`, and a second run that should ask for nothing."""
    with Node(chain) as node, fresh_folder() as folder:
        ours.prepare(folder, node.url, **told)
        node.control(**caps)
        timed(command(folder, chain))
        first = node.stats()
        gate(folder, chain)
        node.control(**caps)
        timed(command(folder, chain))
        second = node.stats()
        gate(folder, chain)
    _told(subject, first)
    least = least_requests(chain, caps["max_range"], caps.get("max_logs", 0))
    count, again = asked_logs(first), asked_logs(second)
    what = f"eth_getLogs asked, {subject}; beside it the least that the caps allow"
    return [
        Verdict(goal, what, str(count), str(least), count / least, at_most=OVERHEAD),
        Verdict(f"{goal} again", "eth_getLogs of a second run", str(again), "0", again, at_most=0),
    ]


def by_range(chain: Chain) -> list[Verdict]:
    caps = {"max_range": MOST_BLOCKS}
    return under_caps("P9 blocks", f"at most {MOST_BLOCKS} blocks", chain, caps, {"max_block_range": MOST_BLOCKS})


def by_rows(chain: Chain) -> list[Verdict]:
    """The cap on logs is learnt: the seeds know nothing of it."""
    caps = {"max_range": MOST_BLOCKS_BESIDE_ROWS, "max_logs": MOST_LOGS}
    subject = f"at most {MOST_LOGS} logs, not told beforehand"
    return under_caps("P9 logs", subject, chain, caps, {"max_block_range": MOST_BLOCKS_BESIDE_ROWS})


def killed(chain: Chain) -> list[Verdict]:
    """A run that gets no time to say goodbye, and the one that takes up its work."""
    caps = {"max_range": MOST_BLOCKS, "latency_ms": LATENCY_MS}
    with Node(chain) as node, fresh_folder() as folder:
        ours.prepare(folder, node.url, max_block_range=MOST_BLOCKS)
        node.control(**caps)
        process = subprocess.Popen(command(folder, chain), stdout=subprocess.DEVNULL)
        while len(node.stats()["asked_ranges"]) < KILLED_AFTER:
            if process.poll() is not None:
                raise GateShut("the run ended before it could be killed")
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        before = node.stats()
        node.control(**caps)
        timed(command(folder, chain))
        after = node.stats()
        gate(folder, chain)
    had = [(first, last) for first, last, found in before["asked_ranges"] if found >= 0]
    twice = sum(any(first <= end and last >= start for start, end in had) for first, last, _ in after["asked_ranges"])
    print(f"killed after {len(had)} ranges; then {len(after['asked_ranges'])}, {twice} of them had been asked for")
    what = f"ranges asked for again after kill -9, {THREADS} in flight"
    return [Verdict("P9 kill", what, str(twice), str(THREADS), twice / THREADS, at_most=1)]


def at_rate(chain: Chain) -> list[Verdict]:
    """The node has a bucket that fills at the rate; what counts is how much of the rate is used."""
    bucket = {"rate_per_second": RATE_PER_SECOND, "burst": BUCKET_SECONDS * RATE_PER_SECOND}
    caps = {"max_range": 10, "latency_ms": LATENCY_MS} | bucket
    with Node(chain) as node, fresh_folder() as folder:
        ours.prepare(folder, node.url, max_block_range=10, rate_limit_per_min=RATE_PER_SECOND * 60)
        node.control(**caps)
        timed(command(folder, chain, "--fetch-only"))
        stats = node.stats()
    _told(f"at {RATE_PER_SECOND} requests a second", stats)
    served, refused = stats["served_at"], stats["refused_rate"]
    steady = [moment for moment in served if moment > served[0] + WARM_UP_SECONDS]
    rate = (len(steady) - 1) / (steady[-1] - steady[0])
    what = f"requests a second of those permitted, {LATENCY_MS} ms each, {THREADS} threads"
    return [
        Verdict("P10", what, f"{rate:.1f}/s", f"{RATE_PER_SECOND}/s", rate / RATE_PER_SECOND, at_least=0.95),
        Verdict("P10 kept", "requests beyond the permitted rate", str(refused), "0", refused, at_most=0),
    ]


CASES: dict[str, tuple[str, Callable[[Chain], list[Verdict]]]] = {
    "range": ("w4", by_range),
    "rows": ("w4", by_rows),
    "kill": ("w1", killed),
    "rate": ("w1", at_rate),
}
"""Each with the chain that it is run on."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(CASES), default=list(CASES))
    options = parser.parse_args()
    try:
        for size, case in (CASES[name] for name in options.only):
            publish(case(Chain.of(size)), rounds=1)
    except GateShut as shut:
        print(shut, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
