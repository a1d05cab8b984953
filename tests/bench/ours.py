"""Our side of the benchmarks: the house itself, from nodes to the tables of logs and of decoded transfers.

Belongs here: a home with a chain `bench` in its seeds, and one process that fetches and loads it as `outcrop run`
does: archive and ledger first, then contracts, then the one writer. Every contract of the made chain is a contract
of one bridge, so that all of its logs are asked for; ERC-20 transfers are its deposits.
Not here: timing (harness.py).

    python tests/bench/ours.py run FOLDER BLOCKS [--profile] [--fetch-only]
"""

from __future__ import annotations

import argparse
import csv
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import gen_chain
from clockwork import Clockwork

from pipelines import ingest
from pipelines.feeds.evm_bridges import EvmBridgeEvents
from pipelines.feeds.evm_logs import EvmLogs
from pipelines.registry import Registry
from pipelines.runtime import Runtime
from pipelines.settings import ROOT, Mode, Settings

CHAIN = "bench"
SOURCE = "evm_rpc"
FILE = "home/build/outcrop.duckdb"
TRANSFERS = (
    "select block_number, log_index, '0', coalesce(amount_raw::varchar, amount_text) from feeds.evm_rpc__bridge_events"
)
BLOCKS_PER_REQUEST = 250
"""6.4 MB an answer. Peers ask for 500: more would only cost them time, and us memory."""
FIRST_DAY = datetime.fromtimestamp(gen_chain.FIRST_AT, UTC).date()


def prepare(folder: Path, url: str, **limits: int) -> None:
    """Seeds of a home in the folder: those of the house, and the chain at `url` with its one bridge.

    `limits` are columns of `seeds.source_endpoints`.
    """
    seeds = folder / "seeds"
    shutil.copytree(ROOT / "dbt_project" / "seeds", seeds)
    _add(seeds / "chains.csv", chain_id=CHAIN, name="Bench", layer_class="alt_l1", execution="evm",
         evm_chain_id=gen_chain.EVM_CHAIN_ID, is_seed_subject="false")  # fmt: skip
    _add(seeds / "evm_chains.csv", chain_id=CHAIN, finality_tag="finalized", finality_lag_blocks=64,
         anchor_block_number=0, anchor_block_hash=gen_chain.block_hash(0), first_block_on="2000-01-01")  # fmt: skip
    endpoint = {"max_batch_calls": 100, "max_block_range": BLOCKS_PER_REQUEST, "max_logs": ""}
    endpoint |= {"rate_limit_per_min": 600_000, "requests_per_day": 10_000_000}
    _add(seeds / "source_endpoints.csv", source_id=SOURCE, chain_id=CHAIN, rank=1, base_url=url, style="rpc",
         **endpoint | limits)  # fmt: skip
    _add(seeds / "bridges.csv", bridge_id=CHAIN, name="Bench", chain_id=CHAIN, is_native="false", has_feed="true")
    for address, name in gen_chain.PAIRS:
        event = gen_chain.EVENTS[name]
        of_kind = {"kind": "status", "status": "mined", "id_field": "tx_hash"}
        if name == "transfer":
            of_kind = {"kind": "deposit", "amount_field": "value", "account_field": "to", "token_address": address}
            of_kind |= {"raw_unit": "token", "raw_decimals": 18}
        _add(seeds / "bridge_contracts.csv", bridge_id=CHAIN, chain_id=CHAIN, address=address, topic0=event.topic0,
             declaration=event.declaration, from_block=0, **of_kind)  # fmt: skip


def _add(seed: Path, **cells: object) -> None:
    with seed.open(encoding="utf-8", newline="") as file:
        columns = next(csv.reader(file))
    with seed.open("a", encoding="utf-8", newline="") as file:
        csv.DictWriter(file, columns, restval="", lineterminator="\n").writerow(cells)


def run(folder: Path, blocks: int, *, only_fetch: bool, clockwork: Clockwork) -> None:
    """Fetch the days of the chain that have logs, and load the two tables."""
    last_day = FIRST_DAY + timedelta(days=(blocks - 1) // gen_chain.BLOCKS_PER_DAY)
    settings = Settings(
        feeds=Mode.LIVE,
        home=folder / "home",
        seeds=folder / "seeds",
        chains=(CHAIN,),
        first_day=FIRST_DAY,
        last_day=last_day,
    )
    registry = Registry(settings.seeds, chains=frozenset(settings.chains))
    feeds = [EvmLogs(registry), EvmBridgeEvents(registry)]
    runtime = Runtime(settings, feeds=feeds)
    with runtime.hold(print):
        with clockwork.measured("fetch"), runtime.session() as session:
            window = runtime.window_to_ask(feeds[0])
            report = ingest.fetch(feeds[0], window, runtime.archive, session, runtime.clock)
        print(f"asked {report.requests}, failed {len(report.failures)}")
        if only_fetch:
            return
        with clockwork.measured("load"):
            ingest.load(
                feeds,
                runtime.archive,
                runtime.warehouse,
                reader=runtime.reader,
                run_id="bench",
                told=frozenset(),
                tables=[feed.table_name for feed in feeds],
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["run"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("blocks", type=int)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--fetch-only", action="store_true")
    options = parser.parse_args()
    clockwork = Clockwork(is_on=options.profile)
    clockwork.wind()
    run(options.folder, options.blocks, only_fetch=options.fetch_only, clockwork=clockwork)
    clockwork.tell()


if __name__ == "__main__":
    main()
