"""Contracts of what EVM nodes are asked: headers, logs, the bridge events in them, and balances.

A log is named by chain, block and its index in the block. Raw amounts are whole numbers of the token's smallest unit.
"""

from __future__ import annotations

import dataframely as dy

from pipelines.tables.base import Replace, Table

RAW = 38
DIRECTIONS = ("deposit", "withdrawal")
STATUSES = ("new", "sending", "mined", "refunded", "reclaimed", "rejected")
UNITS = ("sats", "wei", "token")


class EvmBlock(Table):
    """One header: it says when a block was made, so it is also the index from blocks to days."""

    load = Replace(by="block_number")
    entity = "chain_id"
    at = "block_at"

    chain_id = dy.String(primary_key=True, description="The chain (seeds.chains)")
    block_number = dy.Int64(primary_key=True, min=0, description="Height")
    block_at = dy.Datetime(time_unit="us", description="Time in the header, UTC")
    block_hash = dy.String(description="Hash of the block, lower case")
    parent_hash = dy.String(description="Hash of the block before it, lower case")
    tx_count = dy.Int64(nullable=True, min=0, description="Transactions in the block, system transactions included")
    gas_used = dy.Int64(nullable=True, min=0, description="Gas used by all transactions of the block")
    base_fee_wei = dy.Decimal(RAW, 0, nullable=True, min=0, description="Base fee per gas; null before EIP-1559")
    paid_fees_wei = dy.Decimal(
        RAW,
        0,
        nullable=True,
        min=0,
        description="Sum of gas used times gas price, where the header says it (Rootstock)",
    )


class EvmLog(Table):
    """One log of the contracts that are asked for, as the node gave it."""

    load = Replace(by="block_number")
    entity = "log_set_id"
    at = "block_at"

    chain_id = dy.String(primary_key=True, description="The chain (seeds.chains)")
    block_number = dy.Int64(primary_key=True, min=0, description="Height of the block with the log")
    log_index = dy.Int32(primary_key=True, min=0, description="Place of the log in its block")
    log_set_id = dy.String(description="The bridge that the log was asked for (seeds.bridges)")
    tx_hash = dy.String(description="Transaction, lower case")
    tx_index = dy.Int32(nullable=True, min=0, description="Place of the transaction in its block")
    block_hash = dy.String(description="Hash of the block, lower case")
    contract_address = dy.String(description="The contract that wrote the log, lower case")
    topic0 = dy.String(nullable=True, description="Hash of the event's signature, or raw text on old Rootstock logs")
    topic1 = dy.String(nullable=True, description="First indexed argument, 32 bytes as hex")
    topic2 = dy.String(nullable=True, description="Second indexed argument, 32 bytes as hex")
    topic3 = dy.String(nullable=True, description="Third indexed argument, 32 bytes as hex")
    data = dy.String(description="The other arguments, ABI-encoded, lower-case hex with 0x")
    block_at = dy.Datetime(time_unit="us", nullable=True, description="Time of the block where the log says it, UTC")


class BridgeEvent(Table):
    """One transfer that a bridge announced on its chain, decoded; amounts as the event has them."""

    load = Replace(by="block_number")
    entity = "bridge_id"
    at = "block_at"

    chain_id = dy.String(primary_key=True, description="The chain (seeds.chains)")
    block_number = dy.Int64(primary_key=True, min=0, description="Height of the block with the log")
    log_index = dy.Int32(primary_key=True, min=0, description="Place of the log in its block")
    bridge_id = dy.String(description="The bridge (seeds.bridges)")
    event_name = dy.String(description="Name of the event in the contract")
    direction = dy.String(
        check=lambda text: text.is_in(DIRECTIONS), description="deposit or withdrawal, seen from the chain"
    )
    transfer_id = dy.String(nullable=True, description="What status events call the transfer; null where nothing does")
    amount_raw = dy.Decimal(
        RAW, 0, nullable=True, min=0, description="Amount in raw_unit, without the fee; null where it does not fit"
    )
    fee_raw = dy.Decimal(
        RAW, 0, nullable=True, min=0, description="Fee beside the amount in raw_unit; null where the event has none"
    )
    raw_unit = dy.String(
        check=lambda text: text.is_in(UNITS), description="sats, wei or token (smallest unit of token_address)"
    )
    raw_decimals = dy.Int32(
        nullable=True,
        min=0,
        description="Decimal places of one coin in raw_unit; null where seeds.bridge_tokens says it",
    )
    amount_text = dy.String(description="The amount as decimal text, exact for every value of 256 bits")
    is_overflow = dy.Bool(description="True where the amount has more than 38 digits")
    token_address = dy.String(nullable=True, description="The token moved, lower case; null for the native coin")
    account_evm = dy.String(nullable=True, description="The user on the chain, lower case")
    account_btc = dy.String(nullable=True, description="The address on Bitcoin, where the event has it")
    btc_txid = dy.String(nullable=True, description="The Bitcoin transaction, where the event has it, without 0x")
    btc_vout = dy.Int32(nullable=True, min=0, description="Its output")
    tx_hash = dy.String(description="Transaction, lower case")
    block_at = dy.Datetime(time_unit="us", nullable=True, description="Time of the block where the log says it, UTC")


class BridgeStatus(Table):
    """What became of a transfer, as an event of the bridge says it."""

    load = Replace(by="block_number")
    entity = "bridge_id"
    at = "block_at"

    chain_id = dy.String(primary_key=True, description="The chain (seeds.chains)")
    block_number = dy.Int64(primary_key=True, min=0, description="Height of the block with the log")
    log_index = dy.Int32(primary_key=True, min=0, description="Place of the log in its block")
    bridge_id = dy.String(description="The bridge (seeds.bridges)")
    transfer_id = dy.String(description="The transfer (BridgeEvent)")
    status = dy.String(
        check=lambda text: text.is_in(STATUSES), description="new, sending, mined, refunded, reclaimed, rejected"
    )
    block_at = dy.Datetime(time_unit="us", nullable=True, description="Time of the block where the log says it, UTC")


class AccountBalance(Table):
    """The balance of one account after one block; evm_rpc__blocks says which day the block ends."""

    load = Replace(by="block_number")
    entity = "account"
    at = "block_at"

    chain_id = dy.String(primary_key=True, description="The chain (seeds.chains)")
    account = dy.String(primary_key=True, description="Address, lower case")
    block_number = dy.Int64(primary_key=True, min=0, description="The block after which the balance holds")
    balance_wei = dy.Decimal(RAW, 0, min=0, description="Balance in the smallest unit of the native coin")
    block_at = dy.Datetime(time_unit="us", nullable=True, description="Time of the block where the answer says it, UTC")
