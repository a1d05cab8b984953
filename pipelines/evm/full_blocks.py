"""Whole blocks, receipts and codes that nodes answer, as frames.

Belongs here: JSON-RPC results to typed columns, and the calls that ask for them.
Not here: headers and logs (logs.py), which transactions the chain writes itself (system_transactions.py).
Source: https://ethereum.org/en/developers/docs/apis/json-rpc/ (eth_getBlockByNumber, eth_getBlockReceipts,
eth_getTransactionReceipt, eth_getCode).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipelines.evm import calls as rpc
from pipelines.evm.answers import first_fault, hex_of, instant, of_fields, quantity, results, wei, with_raw
from pipelines.evm.calls import Call

BLOCK_RECEIPTS, RECEIPT, CODE = "eth_getBlockReceipts", "eth_getTransactionReceipt", "eth_getCode"
LATEST = "latest"
PLAIN_TRANSFER_GAS = 21_000
"""What a transfer of coins to an account without code uses."""
DELEGATED = "0xef0100"
"""Code of an account that only points to another one's (EIP-7702): it is no contract."""

TRANSACTION = pl.Struct(dict.fromkeys(("hash", "from", "to", "input", "gas", "gasPrice", "type"), pl.String))
HEADER_FIELDS = ("number", "timestamp", "hash", "parentHash", "gasUsed", "paidFees")
BLOCK = pl.Struct({**dict.fromkeys(HEADER_FIELDS, pl.String), "transactions": pl.List(TRANSACTION)})
RECEIPT_FIELDS = ("blockNumber", "blockHash", "transactionHash", "gasUsed", "effectiveGasPrice", "l1Fee", "status")
RECEIPT_KIND = pl.Struct(dict.fromkeys(RECEIPT_FIELDS, pl.String))


@dataclass(frozen=True)
class Blocks:
    """What an answer says of blocks.

    `headers`: block_number, block_at, block_hash, parent_hash, gas_used, paid_fees_wei, tx_count, locator, fault, raw.
    `transactions`: block_number, tx_hash, from, to (null where one creates a contract), selector, has_input, gas_limit,
    gas_price_wei, type; addresses in lower case.
    """

    headers: pl.DataFrame
    transactions: pl.DataFrame


def block_call(height: int) -> Call:
    return Call(rpc.HEADER, (hex(height), True))


def block_receipts_call(height: int) -> Call:
    return Call(BLOCK_RECEIPTS, (hex(height),))


def receipt_call(tx_hash: str) -> Call:
    return Call(RECEIPT, (tx_hash,))


def code_call(address: str) -> Call:
    return Call(CODE, (address, LATEST))


def is_of_blocks(calls: Sequence[Call]) -> bool:
    """Whether all of these calls ask for whole blocks."""
    return bool(calls) and all(call.method == rpc.HEADER and call.params[1:] == (True,) for call in calls)


def is_of(calls: Sequence[Call], *methods: str) -> bool:
    return bool(calls) and all(call.method in methods for call in calls)


def read_blocks(body: bytes) -> Blocks:
    """All whole blocks in an answer, in its order. Raises `BodyRefused`."""
    told = results(body, BLOCK, _block_of).unnest("result")
    transactions = (
        told.select(quantity("number").alias("block_number"), "transactions")
        .filter(pl.col("transactions").list.len() > 0)
        .explode("transactions")
        .unnest("transactions")
        .select(
            "block_number",
            pl.col("from", "to").str.to_lowercase(),
            "type",
            tx_hash=pl.col("hash").str.to_lowercase(),
            selector=pl.col("input").str.slice(0, 10).str.to_lowercase(),
            has_input=(pl.col("input").str.len_bytes() > 2).fill_null(value=False),
            gas_limit=quantity("gas"),
            gas_price_wei=quantity("gasPrice", pl.Int128),
        )
    )
    sound = transactions.with_columns(
        is_unsound=~(hex_of("from", 20) & hex_of("tx_hash", 32)).fill_null(value=False)
        | ~(hex_of("to", 20) | pl.col("to").is_null())
    )
    unsound = sound.filter("is_unsound")["block_number"].unique()
    headers = told.with_columns(
        block_number=quantity("number"),
        block_at=instant("timestamp"),
        block_hash=pl.col("hash").str.to_lowercase(),
        parent_hash=pl.col("parentHash").str.to_lowercase(),
        gas_used=quantity("gasUsed"),
        paid_fees_wei=wei("paidFees"),
        tx_count=pl.col("transactions").list.len().cast(pl.Int64),
    ).with_columns(
        fault=first_fault(
            (pl.col("block_number").is_null(), "number is no hex quantity"),
            (pl.col("block_at").is_null(), "timestamp is no time"),
            (~hex_of("block_hash", 32), "hash is not 32 bytes of hex"),
            (~hex_of("parent_hash", 32), "parentHash is not 32 bytes of hex"),
            (pl.col("gas_used").is_null(), "gasUsed is no hex quantity"),
            (pl.col("paid_fees_wei").is_null() & pl.col("paidFees").is_not_null(), "paidFees is no hex quantity"),
            (pl.col("tx_count").is_null(), "no list of transactions"),
            (pl.col("block_number").is_in(unsound.implode()), "a transaction has no hash, sender or recipient"),
        )
    )
    return Blocks(
        with_raw(headers, list(HEADER_FIELDS)).select(
            *("block_number", "block_at", "block_hash", "parent_hash", "gas_used", "paid_fees_wei", "tx_count"),
            *("locator", "fault", "raw"),
        ),
        transactions,
    )


def read_receipts(body: bytes, calls: Sequence[Call]) -> pl.DataFrame:
    """All receipts in an answer to calls of one method, whole or for blocks. Raises `BodyRefused`.

    Columns: block_number, block_hash, tx_hash, gas_used, price_wei and l1_fee_wei (null where the node does not say),
    is_failed. A receipt without a block, a transaction or its gas is left out: it answers nothing.
    """
    if is_of(calls, BLOCK_RECEIPTS):
        lists = results(body, pl.List(RECEIPT_KIND), _receipts_of)
        told = lists.filter(pl.col("result").list.len() > 0).explode("result").unnest("result")
    else:
        told = results(body, RECEIPT_KIND, lambda value: _fields(value, RECEIPT_KIND)).unnest("result")
    return told.select(
        block_number=quantity("blockNumber"),
        block_hash=pl.col("blockHash").str.to_lowercase(),
        tx_hash=pl.col("transactionHash").str.to_lowercase(),
        gas_used=quantity("gasUsed"),
        price_wei=quantity("effectiveGasPrice", pl.Int128),
        l1_fee_wei=quantity("l1Fee", pl.Int128),
        is_failed=pl.col("status").eq_missing("0x0"),
    ).drop_nulls(["block_number", "block_hash", "tx_hash", "gas_used"])


NOTHING = b"[]"
"""An answer without members."""


def read_frames(body: bytes, calls: Sequence[Call]) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Headers, transactions and receipts of an answer to calls of one method. Raises `BodyRefused`."""
    is_of_receipts = is_of(calls, BLOCK_RECEIPTS, RECEIPT)
    blocks = read_blocks(NOTHING if is_of_receipts else body)
    receipts = read_receipts(body if is_of_receipts else NOTHING, calls)
    return blocks.headers, blocks.transactions, receipts


def read_codes(body: bytes, asked: str) -> pl.DataFrame:
    """Whether each address has code that is its own: address, has_code. `asked`: the JSON text of the request."""
    calls = rpc.numbered_calls(asked)
    addresses = [(number, call.params[0]) for number, call in calls.items() if call.method == CODE]
    schema = {"call_id": pl.Int64, "address": pl.String}
    told = results(body, pl.String(), lambda value: value if isinstance(value, str) else None)
    has_code = (pl.col("result").str.len_bytes() > 2) & ~pl.col("result").str.to_lowercase().str.starts_with(DELEGATED)
    return told.join(pl.DataFrame(addresses, schema=schema, orient="row"), on="call_id").select(
        "address", has_code=has_code
    )


def _fields(value: Any, kind: pl.Struct) -> dict[str, Any] | None:
    return of_fields(value, kind) if isinstance(value, dict) else None


def _block_of(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    listed = value.get("transactions")
    transactions = [of_fields(one, TRANSACTION) for one in listed] if isinstance(listed, list) else None
    header = of_fields({**value, "transactions": None}, pl.Struct(dict.fromkeys(HEADER_FIELDS, pl.String)))
    return header | {"transactions": transactions}


def _receipts_of(value: Any) -> list[dict[str, Any]] | None:
    return [of_fields(one, RECEIPT_KIND) for one in value] if isinstance(value, list) else None
