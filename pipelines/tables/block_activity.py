"""Contracts of activity that is counted from whole blocks: what each block says, and the measures of periods."""

from __future__ import annotations

import dataframely as dy

from pipelines.tables.activity import ChainStat
from pipelines.tables.base import Replace, Table

RAW = 38


class BlockActivity(Table):
    """What one whole block says of its transactions."""

    load = Replace(by="block_number")
    entity = "chain_id"
    at = "block_at"

    chain_id = dy.String(primary_key=True, description="The chain (seeds.chains)")
    block_number = dy.Int64(primary_key=True, min=0, description="Height")
    block_at = dy.Datetime(time_unit="us", description="Time of the block, UTC")
    block_hash = dy.String(description="Hash of the block, lower case")
    parent_hash = dy.String(description="Hash of the block before it, lower case")
    tx_count = dy.Int64(min=0, description="Transactions in the block, those that the chain itself writes included")
    operational_tx_count = dy.Int64(
        min=0, description="Transactions less those that the chain itself writes (seeds.system_transactions)"
    )
    senders_count = dy.Int64(min=0, description="Distinct senders of operational transactions")
    contracts_created = dy.Int64(
        min=0, description="Operational transactions without a recipient: failed ones included"
    )
    gas_used = dy.Int64(min=0, description="Gas used by all transactions of the block")
    paid_fees_wei = dy.Decimal(
        RAW, 0, nullable=True, min=0, description="Sum of gas used times gas price, where the block says it (Rootstock)"
    )


class BlockChainStat(ChainStat):
    """One measure of one chain in one period, counted from all blocks of the period."""

    load = Replace()
