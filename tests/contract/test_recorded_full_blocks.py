"""Recorded blocks of Rootstock: what the chain writes itself is told apart, and fees are as blocks say them."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from pages import SEEDS

from pipelines.evm.full_blocks import Blocks, block_receipts_call, read_blocks, read_receipts
from pipelines.evm.system_transactions import is_system

SAMPLES = "rootstock/samples"
REMASC = "0x0000000000000000000000000000000001000008"
BRIDGE = "0x0000000000000000000000000000000001000006"
EXPLORER_BLOCKS = ("explorer_api_block_419999.json", "explorer_api_block_798248.json")


def as_node_prints(value: Any) -> Any:
    return hex(value) if isinstance(value, int) else value


def member(result: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 3000, "result": result}).encode()


def of_explorer(told: dict[str, Any]) -> bytes:
    """A block of the explorer as a node prints it."""
    header = {name: as_node_prints(value) for name, value in told["block"].items()}
    transactions = [{name: as_node_prints(value) for name, value in one.items()} for one in told["transactions"]]
    return member(header | {"transactions": transactions})


def system(blocks: Blocks) -> pl.DataFrame:
    rules = [rule for rule in SEEDS.system_transactions if rule.chain_id == "rootstock"]
    return blocks.transactions.with_columns(is_own=is_system(rules))


def test_a_recorded_block_is_read_whole_and_its_last_transaction_is_remasc(recording):
    blocks = read_blocks(recording(f"{SAMPLES}/eth_getBlockByNumber_full_0x3e852.json").read_bytes())
    told = system(blocks)
    assert blocks.headers.row(0, named=True)["block_number"] == 0x3E852
    assert blocks.headers["fault"].to_list() == [None]
    assert told["to"].to_list()[-1] == REMASC
    assert told["is_own"].to_list()[-1]
    assert told.height == blocks.headers["tx_count"][0]


@pytest.mark.parametrize("name", EXPLORER_BLOCKS)
def test_remasc_and_what_the_federation_sends_are_not_of_users(recording, name):
    recorded = json.loads(recording(f"{SAMPLES}/{name}").read_text(encoding="utf-8"))
    told = system(read_blocks(of_explorer(recorded)))
    assert told.filter(pl.col("to") == REMASC)["is_own"].to_list() == [True]
    others = told.filter(~pl.col("to").is_in([REMASC, BRIDGE]).fill_null(value=False))
    assert not others["is_own"].any()
    assert others.height > 0


@pytest.mark.parametrize("name", EXPLORER_BLOCKS)
def test_paid_fees_are_the_sum_of_gas_times_price(recording, name):
    recorded = json.loads(recording(f"{SAMPLES}/{name}").read_text(encoding="utf-8"))
    blocks = read_blocks(of_explorer(recorded))
    receipts = [
        {key: as_node_prints(value) for key, value in one["receipt"].items()} for one in recorded["transactions"]
    ]
    told = read_receipts(member(receipts), [block_receipts_call(recorded["block"]["number"])])
    priced = told.join(blocks.transactions, on=["block_number", "tx_hash"])
    assert priced.height == len(recorded["transactions"])
    total = priced.select((pl.col("gas_used").cast(pl.Int128) * pl.col("gas_price_wei")).sum()).item()
    assert blocks.headers["paid_fees_wei"].to_list() == [total]
    assert total > 0
