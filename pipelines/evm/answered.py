"""Which days stand answered, and which failed attempts nothing made good.

Belongs here: looking back at the ledger. Nothing is asked here.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl

from pipelines.evm import calls as rpc
from pipelines.evm import coverage
from pipelines.evm.days import midnight_sec
from pipelines.evm.ranges import within, without
from pipelines.evm.record import Record
from pipelines.registry import Registry
from pipelines.wire import Outcome, Request


def answered_days(registry: Registry, records: dict[str, Record], days: list[date]) -> dict[date, datetime]:
    """When each day was last answered in full: all its blocks, for every chain and every bridge with a feed."""
    found = {chain_id: _answered_of(registry, chain_id, record, days) for chain_id, record in records.items()}
    answered = {}
    for day in days:
        chains = [chain_id for chain_id in found if registry.evm_chains[chain_id].first_block_on <= day]
        if chains and all(day in found[chain_id] for chain_id in chains):
            answered[day] = max(found[chain_id][day] for chain_id in chains)
    return answered


def _answered_of(registry: Registry, chain_id: str, record: Record, days: list[date]) -> dict[date, datetime]:
    lives = {name: coverage.life_of(events) for name, events in coverage.fed_contracts(registry, chain_id).items()}
    index = record.day_index(min((first for first, _ in lives.values()), default=0))
    answered = {}
    for day in days:
        before = index.bracket(midnight_sec(day))[0]
        after = index.bracket(midnight_sec(day + timedelta(days=1)))[1]
        if before is None or after is None:
            continue
        blocks = (before + 1, after - 1)
        around = {name: record.around(name, *blocks) for name in lives}
        gaps = [any(without(within([life], *blocks), around[name][0])) for name, life in lives.items()]
        if any(gaps) or any(blocks[0] <= height <= blocks[1] for height in record.untimed):
            continue
        times = [asked.sure_at for _, ranges in around.values() for asked in ranges]
        answered[day] = max(times, default=record.when(after))
    return answered


def unhealed(registry: Registry, attempts: pl.DataFrame, records: dict[str, Record]) -> pl.DataFrame:
    """The failed attempts that a person should know of.

    A range that was too large never is one; other failures are where their blocks were not answered since, or, of
    questions that are not for logs, where nothing later of the chain was. Another chain always is: its endpoint has
    to go.
    """
    number = pl.col("request_body").str.extract(r'"id":(\d+)').cast(pl.Int64, strict=False) // rpc.CALLS_PER_REQUEST
    told = attempts.sort("fetched_at", "fetch_id").with_columns(evm_chain_id=number)
    good_at = pl.col("fetched_at").filter(pl.col("outcome") == Outcome.OK).max().over("evm_chain_id")
    is_later_good = (pl.col("fetched_at") <= good_at).fill_null(value=False)
    outcome = pl.col("outcome")
    failed = told.with_columns(is_healed=is_later_good).filter(~outcome.is_in([Outcome.OK, Outcome.RANGE_TOO_LARGE]))
    is_other_chain = outcome == Outcome.WRONG_CHAIN
    newest_of_url = pl.col("fetch_id") == pl.col("fetch_id").last().over("url", "outcome")
    others = failed.filter(~is_other_chain)
    is_open = [_is_open(registry, records, row) for row in others.iter_rows(named=True)]
    still = others.filter(pl.Series(is_open, dtype=pl.Boolean))
    return pl.concat([failed.filter(is_other_chain & newest_of_url), still]).select(attempts.columns)


def _is_open(registry: Registry, records: dict[str, Record], row: dict) -> bool:
    request = Request("", body=row["request_body"])
    bridges = coverage.bridges_asked(request, registry)
    if not bridges:
        return not row["is_healed"]
    record = records.get(registry.chain_of_evm_id[row["evm_chain_id"]])
    blocks = coverage.blocks_of(request)
    return record is None or any(any(without([blocks], record.covered(name))) for name in bridges)
