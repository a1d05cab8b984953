"""Whole blocks with receipts at a permitted rate, and exact distinct counts of a busy year (goals P14, P15).

Belongs here: six days of a chain fetched and counted by our side alone, and a year of made sets.
P14: the wall time over that which the permitted rate of requests dictates, loading included; peak memory.
P15: days, weeks, months and all since the first block, from 200,000 senders a day out of 5 million: seconds, memory.
Who sends on which day is arithmetic, so that every count is known beforehand.

    python tests/bench/bench_activity.py [--only blocks distinct] [--blocks 43200]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import gen_chain
import ours
import polars as pl
import rpc_blocks
from harness import BENCH, DATA, Chain, GateShut, Node, Verdict, fresh_folder, publish, timed

from pipelines import ingest
from pipelines.address_sets import BUCKET_BLOCKS, AddressSets
from pipelines.chain_periods import stats_of
from pipelines.feeds.evm_activity import EvmChainStats, EvmFullBlocks
from pipelines.registry import Registry
from pipelines.runtime import Runtime
from pipelines.settings import Mode, Settings

BLOCKS = 43_200
RATE_PER_MINUTE = 180
LATENCY_MS = 50
SLOWEST, MOST_MB = 1.3, 600
YEAR = [date(2024, 1, 1) + timedelta(days=number) for number in range(366)]
POOL, ACTIVE, NEW_A_DAY = 5_000_000, 200_000, 13_000
STEP = 2_654_435_761
"""Odd and no multiple of five: times this, modulo the pool, the ids are shuffled and each comes once."""
BLOCKS_A_DAY = 5 * BUCKET_BLOCKS
MOST_SECONDS, MOST_MB_OF_YEAR = 60, 2_000


def fetch_and_count(folder: Path, blocks: int) -> None:
    """What `outcrop run --select activity --chain bench --source evm_rpc` does before dbt."""
    days = -(-blocks // gen_chain.BLOCKS_PER_DAY)
    settings = Settings(
        feeds=Mode.LIVE,
        home=folder / "home",
        seeds=folder / "seeds",
        chains=(ours.CHAIN,),
        sources=(ours.SOURCE,),
        first_day=ours.FIRST_DAY,
        last_day=ours.FIRST_DAY + timedelta(days=days - 1),
    )
    registry = Registry(settings.seeds, chains=frozenset(settings.chains))
    feeds = [EvmFullBlocks(registry), EvmChainStats(registry)]
    runtime = Runtime(settings, feeds=feeds)
    with runtime.hold(print):
        with runtime.session() as session:
            window = runtime.window_to_ask(feeds[0])
            report = ingest.fetch(feeds[0], window, runtime.archive, session, runtime.clock)
        print(f"asked {report.requests}, failed {len(report.failures)}")
        ingest.load(feeds, runtime.archive, runtime.warehouse, reader=runtime.reader, run_id="bench", told=frozenset())


def gate(folder: Path, days: int) -> None:
    """Every day of the made chain has the same transactions and fees, and one sender. Raises `GateShut`."""
    transactions = gen_chain.BLOCKS_PER_DAY * gen_chain.TRANSACTIONS_PER_BLOCK
    fee = gen_chain.BLOCKS_PER_DAY * rpc_blocks.GAS_USED * 10**9 * Decimal("1e-18")
    truth = {"tx_count": transactions, "active_addresses": 1, "txn_fee_native": fee}
    with duckdb.connect(folder / ours.FILE, read_only=True) as connection:
        found = connection.execute(
            "select metric_id, count(*), min(value), max(value) from feeds.evm_rpc__chain_stats"
            f" where period = 'day' and metric_id in {tuple(truth)} group by 1 order by 1"
        ).fetchall()
    wanted = [(metric, days, truth[metric], truth[metric]) for metric in sorted(truth)]
    if found != wanted:
        raise GateShut(f"ours is not exact:\n  found {found}\n  truth {wanted}")


def whole_blocks(blocks: int) -> list[Verdict]:
    folder = DATA / f"activity-{blocks}"
    chain = Chain(folder, gen_chain.make(folder, blocks))
    with Node(chain) as node, fresh_folder() as place:
        ours.prepare(place, node.url, rate_limit_per_min=RATE_PER_MINUTE)
        node.control(latency_ms=LATENCY_MS)
        took = timed([sys.executable, str(BENCH / "bench_activity.py"), "blocks", str(place), str(blocks)])
        stats = node.stats()
        gate(place, blocks // gen_chain.BLOCKS_PER_DAY)
    print(f"{took.output.strip()}; {stats['http_requests']} requests, {stats['bytes_sent'] / 1e6:.0f} MB", flush=True)
    dictated = stats["http_requests"] * 60 / RATE_PER_MINUTE
    what = f"{blocks} whole blocks with receipts fetched and counted, beside {RATE_PER_MINUTE} requests a minute"
    wall, memory = took.wall_seconds, took.rss_mb
    return [
        Verdict("P14", what, f"{wall:.0f} s", f"{dictated:.0f} s", wall / dictated, at_most=SLOWEST),
        Verdict("P14 memory", "peak memory of it", f"{memory:.0f} MB", f"{MOST_MB} MB", memory / MOST_MB, at_most=1),
    ]


def make_year(folder: Path) -> None:
    """The sets of a year, day by day in five buckets each: today's senders are yesterday's but for `NEW_A_DAY`."""
    sets = AddressSets(folder, "bench", [], lambda _: None)  # ty: ignore
    buckets = {}
    for number, day in enumerate(YEAR):
        turn = pl.select(turn=pl.int_range(number * NEW_A_DAY, number * NEW_A_DAY + ACTIVE, dtype=pl.Int64))
        ids = turn.select(date_day=pl.lit(day), id=(pl.col("turn") * STEP % POOL).cast(pl.UInt32))
        for part in range(5):
            bucket = 5 * number + part
            name, first = f"{bucket:08d}.parquet", bucket * BUCKET_BLOCKS
            # an address is active in two buckets of its day
            active = ids.filter((pl.col("id") % 5).is_in([part, (part + 1) % 5]))
            active.write_parquet(folder / "senders" / name)
            active.clear().write_parquet(folder / "recipients" / name)
            _totals(day, first).write_parquet(folder / "totals" / name)
            _runs(day, bucket).write_parquet(folder / "runs" / name)
            buckets[str(bucket)] = ""
    numbers = pl.select(id=pl.int_range(POOL, dtype=pl.UInt32))
    addresses = numbers.select(address=pl.col("id").cast(pl.String).str.zfill(20).cast(pl.Binary), id="id")
    addresses.write_parquet(folder / "addresses" / "0000000000.parquet")
    told = {"reader": "bench", "buckets": buckets, "addresses": POOL}
    (folder / "answers.json").write_text(json.dumps(told), encoding="utf-8")
    del sets


def _totals(day: date, first: int) -> pl.DataFrame:
    counts = dict.fromkeys(("tx_count", "gas_used", "operational_tx_count", "new_contracts"), 1)
    ends = {"first_block": first, "last_block": first + BUCKET_BLOCKS - 1}
    row = {"date_day": day, **ends, **counts, "has_l1_fees": False, "fees_wei": 1, "l1_fees_wei": 0, "fetch_id": "f"}
    return pl.DataFrame(row, schema_overrides={"fees_wei": pl.Int128, "l1_fees_wei": pl.Int128})


def _runs(day: date, bucket: int) -> pl.DataFrame:
    """The last bucket of a day ends in the first instant of the next one."""
    first = bucket * BUCKET_BLOCKS
    start = pl.lit(day).cast(pl.Datetime("us")).dt
    part = bucket % 5
    return pl.select(
        first_block=pl.lit(first, pl.Int64),
        last_block=pl.lit(first + BUCKET_BLOCKS - 1, pl.Int64),
        first_at=start.offset_by(f"{part * 4}h"),
        last_at=start.offset_by(f"{part * 4 + 3}h") if part < 4 else start.offset_by("1d"),
        parent_hash=pl.lit(str(bucket)),
        block_hash=pl.lit(str(bucket + 1)),
    )


def count_year(folder: Path) -> None:
    """Counts the sets, and holds the counts against arithmetic. Raises `GateShut`."""
    sets = AddressSets(folder, "bench", [], lambda _: None)  # ty: ignore
    answers = pl.DataFrame({"fetch_id": ["f"], "place": [0]})
    stats = stats_of(sets, answers, ours.CHAIN, "eth")
    lengths = {"day": lambda _: 1, "week": lambda _: 7, "month": _days_of_month}
    checked = 0
    told = stats.filter(pl.col("metric_id").is_in(["active_addresses", "cumulative_addresses"]))
    for metric, period, start, value in told.select("metric_id", "period", "period_start", "value").rows():
        last = (start - YEAR[0]).days + lengths[period](start)
        first = (start - YEAR[0]).days if metric == "active_addresses" else 0
        if value != ACTIVE + NEW_A_DAY * (last - first - 1):
            raise GateShut(f"{metric} of the {period} from {start} is {value}")
        checked += 1
    print(f"{checked} counts exact")


def _days_of_month(start: date) -> int:
    return ((start.replace(day=28) + timedelta(days=4)).replace(day=1) - start).days


def distinct(_: int) -> list[Verdict]:
    with fresh_folder() as folder:
        make_year(folder / "sets")
        took = timed([sys.executable, str(BENCH / "bench_activity.py"), "distinct", str(folder / "sets"), "0"])
    print(took.output.strip(), flush=True)
    what = f"distinct senders of {len(YEAR)} days, weeks, months and so far, {ACTIVE} a day of {POOL}"
    seconds, memory = took.wall_seconds, took.rss_mb
    return [
        Verdict("P15", what, f"{seconds:.0f} s", f"{MOST_SECONDS} s", seconds / MOST_SECONDS, at_most=1),
        Verdict(
            "P15 memory",
            "its peak memory",
            f"{memory:.0f} MB",
            f"{MOST_MB_OF_YEAR} MB",
            memory / MOST_MB_OF_YEAR,
            at_most=1,
        ),
    ]


CASES: dict[str, Callable[[int], list[Verdict]]] = {"blocks": whole_blocks, "distinct": distinct}


def main() -> int:
    if len(sys.argv) == 4 and sys.argv[1] in CASES:
        own: dict[str, Callable[[], None]] = {
            "blocks": lambda: fetch_and_count(Path(sys.argv[2]), int(sys.argv[3])),
            "distinct": lambda: count_year(Path(sys.argv[2])),
        }
        own[sys.argv[1]]()
        return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--blocks", type=int, default=BLOCKS, help="whole days: a multiple of 7200")
    options = parser.parse_args()
    try:
        for name in options.only:
            publish(CASES[name](options.blocks), rounds=1)
    except GateShut as shut:
        print(shut, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
