"""What nodes answer about logs, headers and balances, as frames.

Belongs here: JSON-RPC results to typed columns; a row that cannot be read says why in `fault`.
Not here: events inside logs (decode.py), and whether an answer is the one that was asked for (calls.py).
Source: https://ethereum.org/en/developers/docs/apis/json-rpc/ (eth_getLogs, eth_getBlockByNumber, eth_getBalance).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import polars as pl

from pipelines.evm.answers import (
    first_fault,
    hex_of,
    instant,
    of_fields,
    quantity,
    results,
    wei,
    with_raw,
)
from pipelines.wire import BodyRefused, Outcome

TOPICS = ("topic0", "topic1", "topic2", "topic3")
LOG = pl.Struct(
    {
        "address": pl.String,
        "topics": pl.List(pl.String),
        "data": pl.String,
        "blockNumber": pl.String,
        "blockHash": pl.String,
        "blockTimestamp": pl.String,
        "transactionHash": pl.String,
        "transactionIndex": pl.String,
        "logIndex": pl.String,
        "removed": pl.String,
    }
)
HEADER = pl.Struct(
    {
        "number": pl.String,
        "timestamp": pl.String,
        "hash": pl.String,
        "parentHash": pl.String,
        "transactions": pl.List(pl.String),
        "gasUsed": pl.String,
        "baseFeePerGas": pl.String,
        "paidFees": pl.String,
    }
)


@lru_cache(maxsize=2)
def read_logs(body: bytes) -> pl.DataFrame:
    """All logs of the eth_getLogs results in an answer, in its order; logs that a node took back are left out.

    Columns: block_number, log_index, tx_hash, tx_index, block_hash, contract_address, topic0 to topic3, data (hex in
    lower case), block_at (where the node says it), locator, fault, raw. Raises `BodyRefused`.

    The last bodies are remembered: several tables are read from one, each by a thread of two.
    """
    answered = results(body, pl.List(LOG), _logs_of)
    if answered.is_empty():
        raise BodyRefused(Outcome.LAYOUT_CHANGED, "no list of logs in the answer")
    lists = answered.filter(pl.col("result").list.len() > 0)
    logs = (
        lists.with_columns(place=pl.int_ranges(pl.col("result").list.len()))
        .explode("result", "place")
        .unnest("result")
        .filter(pl.col("removed").ne_missing("true"))
    )
    lower = {name: pl.col(source).str.to_lowercase() for name, source in _HEX_OF_LOG.items()}
    topics = {name: pl.col("topics").list.get(n, null_on_oob=True).str.to_lowercase() for n, name in enumerate(TOPICS)}
    read = logs.with_columns(
        **lower,
        **topics,
        block_number=quantity("blockNumber"),
        log_index=quantity("logIndex", pl.Int32),
        tx_index=quantity("transactionIndex", pl.Int32),
        block_at=instant("blockTimestamp"),
        locator=pl.format("{}/{}", "locator", "place"),
    ).with_columns(fault=_fault_of_log())
    return with_raw(read, [field.name for field in LOG.fields]).select(
        "block_number",
        "log_index",
        "tx_hash",
        "tx_index",
        "block_hash",
        "contract_address",
        *TOPICS,
        "data",
        "block_at",
        "locator",
        "fault",
        "raw",
    )


_HEX_OF_LOG = {
    "tx_hash": "transactionHash",
    "block_hash": "blockHash",
    "contract_address": "address",
    "data": "data",
}


def _fault_of_log() -> pl.Expr:
    no_index, no_time = pl.col("tx_index").is_null(), pl.col("block_at").is_null()
    is_no_topic = [pl.col(name).is_not_null() & ~hex_of(name) for name in TOPICS]
    return first_fault(
        (pl.col("block_number").is_null(), "blockNumber is no hex quantity"),
        (pl.col("log_index").is_null(), "logIndex is no hex quantity"),
        (no_index & pl.col("transactionIndex").is_not_null(), "transactionIndex is no hex quantity"),
        (no_time & pl.col("blockTimestamp").is_not_null(), "blockTimestamp is no time"),
        (~hex_of("tx_hash", 32), "transactionHash is not 32 bytes of hex"),
        (~hex_of("block_hash", 32), "blockHash is not 32 bytes of hex"),
        (~hex_of("contract_address", 20), "address is not 20 bytes of hex"),
        (pl.col("topics").is_null(), "no list of topics"),
        (pl.col("topics").list.len() > len(TOPICS), "more than four topics"),
        (pl.any_horizontal(is_no_topic), "a topic is not whole bytes of hex"),
        (~hex_of("data"), "data is not whole bytes of hex"),
    )


def read_headers(body: bytes) -> pl.DataFrame:
    """All blocks of the eth_getBlockByNumber results in an answer; a block that a node does not have has no row.

    Columns: block_number, block_at, block_hash, parent_hash, tx_count, gas_used, base_fee_wei, paid_fees_wei, locator,
    fault, raw. Raises `BodyRefused`.
    """
    blocks = results(body, HEADER, _header_of).unnest("result")
    read = blocks.with_columns(
        block_number=quantity("number"),
        block_at=instant("timestamp"),
        block_hash=pl.col("hash").str.to_lowercase(),
        parent_hash=pl.col("parentHash").str.to_lowercase(),
        tx_count=pl.col("transactions").list.len().cast(pl.Int64),
        gas_used=quantity("gasUsed"),
        base_fee_wei=wei("baseFeePerGas"),
        paid_fees_wei=wei("paidFees"),
    ).with_columns(
        fault=first_fault(
            (pl.col("block_number").is_null(), "number is no hex quantity"),
            (pl.col("block_at").is_null(), "timestamp is no time"),
            (~hex_of("block_hash", 32), "hash is not 32 bytes of hex"),
            (~hex_of("parent_hash", 32), "parentHash is not 32 bytes of hex"),
            *(
                (pl.col(column).is_null() & pl.col(name).is_not_null(), f"{name} is no hex quantity")
                for column, name in _QUANTITIES_OF_HEADER.items()
            ),
        )
    )
    return with_raw(read, [field.name for field in HEADER.fields]).select(
        "block_number",
        "block_at",
        "block_hash",
        "parent_hash",
        "tx_count",
        *_QUANTITIES_OF_HEADER,
        "locator",
        "fault",
        "raw",
    )


_QUANTITIES_OF_HEADER = {"gas_used": "gasUsed", "base_fee_wei": "baseFeePerGas", "paid_fees_wei": "paidFees"}


def read_balances(body: bytes) -> pl.DataFrame:
    """All results of an answer that are one quantity: call_id, balance_wei, locator, fault, raw. Raises `BodyRefused`.

    Which of them answer eth_getBalance, and for whom, is in the request.
    """
    read = results(body, pl.String(), lambda value: value if isinstance(value, str) else None)
    balances = read.with_columns(balance_wei=wei("result")).with_columns(
        fault=first_fault((pl.col("balance_wei").is_null(), "the balance is no hex quantity of at most 38 digits"))
    )
    return with_raw(balances, ["result"]).select("call_id", "balance_wei", "locator", "fault", "raw")


def _logs_of(value: Any) -> list[dict[str, Any]] | None:
    return [of_fields(one, LOG) for one in value] if isinstance(value, list) else None


def _header_of(value: Any) -> dict[str, Any] | None:
    return of_fields(value, HEADER) if isinstance(value, dict) else None
