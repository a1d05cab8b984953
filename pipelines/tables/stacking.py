"""Contracts of the stacking subject: what Stacks pays its stackers in bitcoin, who stacks, and liquid stacking.

Upstream tells these by heights: those of Bitcoin blocks (`burn_block_height`) and of Stacks blocks (`stacks_height`).
Where no time is told a row has none, and the tables of blocks say when a block was made.
"""

from __future__ import annotations

import dataframely as dy
import polars as pl

from pipelines.tables.base import Observe, Replace, Table

STACKS = "stacks"
HASH = "^[0-9a-f]{64}$"
MEASURES = ("total", "withdrawal")
LONGEST_BLOCK_GAP_HOURS = 24
"""Stacks stood still for some hours more than once; a day without any block is an index that has stopped."""


class BurnchainReward(Table):
    """One payment of bitcoin to a stacker, made by the miners of one Bitcoin block."""

    load = Replace(by="burn_block_height")
    entity = "chain_id"
    at = "fetched_at"

    burn_block_hash = dy.String(primary_key=True, regex=HASH, description="Hash of the Bitcoin block, hex without 0x")
    reward_index = dy.Int32(primary_key=True, min=0, description="Place of the payment among those of its block")
    chain_id = dy.String(description="Always stacks (seeds.chains)")
    burn_block_height = dy.Int64(primary_key=True, min=0, description="Height of the Bitcoin block")
    reward_recipient = dy.String(description="The Bitcoin address that was paid, letter case kept")
    reward_sats = dy.Decimal(38, 0, min=0, description="Satoshis paid to it")
    burn_sats = dy.Decimal(
        38, 0, min=0, description="Satoshis burned in the whole block, repeated on each of its rows: never summed"
    )
    is_canonical = dy.Bool(description="Whether the source counts the block to Bitcoin's chain; others are orphans")


class PoxCycle(Table):
    """What is stacked in one reward cycle, by all signers together."""

    load = Observe()
    entity = "chain_id"
    at = "fetched_at"

    cycle_number = dy.Int32(primary_key=True, min=0, description="The reward cycle")
    chain_id = dy.String(primary_key=True, description="Always stacks (seeds.chains)")
    anchor_stacks_height = dy.Int64(
        min=0,
        description="Stacks block that fixed the cycle's signers, made before the cycle begins: not a bound of it",
    )
    total_stacked_ustx = dy.Decimal(38, 0, min=0, description="Millionths of STX stacked by all signers")
    total_weight = dy.Int64(min=0, description="Reward slots of all signers")
    total_signers = dy.Int32(min=0, description="Signers of the cycle")


class PoxSigner(Table):
    """What one signer stacks in one reward cycle, its own and what others gave it."""

    load = Observe()
    entity = "chain_id"
    at = "fetched_at"

    cycle_number = dy.Int32(primary_key=True, min=0, description="The reward cycle")
    signing_key = dy.String(
        primary_key=True, regex="^[0-9a-f]{66}$", description="Public key of the signer, hex without 0x"
    )
    chain_id = dy.String(primary_key=True, description="Always stacks (seeds.chains)")
    signer_address = dy.String(description="Stacks address that follows from the key")
    weight = dy.Int64(min=0, description="Reward slots")
    stacked_ustx = dy.Decimal(38, 0, min=0, description="Millionths of STX")
    solo_count = dy.Int32(nullable=True, min=0, description="Stackers who stack for themselves")
    pooled_count = dy.Int32(nullable=True, min=0, description="Stackers in pools")


class PoxInfo(Table):
    """The constants of Proof of Transfer as a node has them, and where it stood on the day it was asked."""

    load = Observe()
    entity = "chain_id"
    at = "snapshot_on"

    snapshot_on = dy.Date(primary_key=True, description="UTC day of the answer")
    chain_id = dy.String(primary_key=True, description="Always stacks (seeds.chains)")
    first_burnchain_block_height = dy.Int64(min=0, description="Bitcoin block from which cycles are counted")
    reward_cycle_length = dy.Int64(min=1, description="Bitcoin blocks of a cycle")
    prepare_phase_block_length = dy.Int64(min=0, description="Bitcoin blocks at its end that pay no stackers")
    pox_version = dy.String(description="The contract in force: pox-4")
    current_cycle = dy.Int32(min=0, description="The cycle on that day")
    stacked_ustx = dy.Decimal(38, 0, min=0, description="Millionths of STX stacked in it")

    @dy.rule()
    def prepare_phase_is_shorter_than_the_cycle(cls) -> pl.Expr:
        return pl.col("prepare_phase_block_length") < pl.col("reward_cycle_length")


class StacksBlock(Table):
    """The newest Stacks block at the end of one UTC day: the state that levels of that day are read from."""

    load = Replace()
    entity = "chain_id"
    at = "asked_at"

    chain_id = dy.String(primary_key=True, description="Always stacks (seeds.chains)")
    asked_at = dy.Datetime(time_unit="us", primary_key=True, description="UTC instant that was asked for: end of a day")
    stacks_height = dy.Int64(min=0, description="Height of the newest Stacks block that is not later")
    index_block_hash = dy.String(regex=HASH, description="The hash that names the state after it, hex without 0x")
    block_at = dy.Datetime(time_unit="us", description="Time of the block, UTC")
    burn_block_height = dy.Int64(min=0, description="Height of the Bitcoin block it is anchored to")

    @dy.rule()
    def block_not_after_the_instant(cls) -> pl.Expr:
        return pl.col("block_at") <= pl.col("asked_at")

    @dy.rule()
    def block_near_the_instant(cls) -> pl.Expr:
        return pl.col("block_at") >= pl.col("asked_at").dt.offset_by(f"-{LONGEST_BLOCK_GAP_HOURS}h")


class LstReserve(Table):
    """One amount that a liquid stacking contract told after one Stacks block; hiro__stacks_blocks has its day."""

    load = Observe()
    entity = "protocol_id"
    at = "fetched_at"

    protocol_id = dy.String(primary_key=True, description="The protocol (seeds.protocols)")
    index_block_hash = dy.String(
        primary_key=True, regex=HASH, description="The Stacks block after which the amount holds (StacksBlock)"
    )
    measure = dy.String(
        primary_key=True,
        check=lambda measure: measure.is_in(MEASURES),
        description="total: all STX of the reserve, stacked or not; withdrawal: what of it is promised to who leaves",
    )
    amount_ustx = dy.Decimal(38, 0, min=0, description="Millionths of STX")
