"""What gas cost, block by block: the question eth_feeHistory, whether an answer is one to it, and its rows.

Belongs here: the call, its judgement and its reading.
Not here: which blocks are asked for (feeds/ethereum_fees.py), the envelope of JSON-RPC (answers.py).
Source: https://github.com/ethereum/execution-apis (eth_feeHistory; EIP-4844 added the fees of blobs).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from pipelines.evm import calls as rpc
from pipelines.evm.answers import first_fault, of_fields, quantity, results, wei, with_raw
from pipelines.evm.calls import Call
from pipelines.evm.ranges import Blocks
from pipelines.wire import BodyRefused, Outcome

FEES = "eth_feeHistory"
MOST_BLOCKS = 1024
"""More in one call are cut short by nodes (go-ethereum: eth/gasprice/feehistory.go)."""
RATIO_PLACES = 8
BASE, BLOB_BASE, USED, BLOB_USED = "baseFeePerGas", "baseFeePerBlobGas", "gasUsedRatio", "blobGasUsedRatio"
HISTORY = pl.Struct(
    {
        "oldestBlock": pl.String,
        BASE: pl.List(pl.String),
        USED: pl.List(pl.String),
        BLOB_BASE: pl.List(pl.String),
        BLOB_USED: pl.List(pl.String),
    }
)


def fees_call(first: int, last: int) -> Call:
    """The fees of a range of blocks, without what was paid on top."""
    return Call(FEES, (hex(last - first + 1), hex(last), []))


def fee_ranges(calls: Iterable[Call]) -> list[Blocks]:
    """The blocks that the eth_feeHistory calls ask for."""
    told = [(int(call.params[0], 16), int(call.params[1], 16)) for call in calls if call.method == FEES]
    return [(last - count + 1, last) for count, last in told]


def refuse_other_fees(calls: list[Call], body: bytes) -> None:
    """Raises `BodyRefused` (wrong_answer) where a history is of other blocks than were asked for, or shorter."""
    histories = [result for call, result in zip(calls, rpc.results(body), strict=True) if call.method == FEES]
    for (first, last), history in zip(fee_ranges(calls), histories, strict=True):
        if not isinstance(history, dict):
            raise BodyRefused(Outcome.WRONG_ANSWER, f"no history of fees: {str(history)[:60]}")
        oldest, count = rpc.quantity(history.get("oldestBlock")), last - first + 1
        if oldest != first:
            raise BodyRefused(Outcome.WRONG_ANSWER, f"fees from block {oldest}, not from {first}")
        lengths = {BASE: count + 1, USED: count, BLOB_BASE: count + 1, BLOB_USED: count}
        for name, length in lengths.items():
            values = history.get(name)
            if values is None and name in (BLOB_BASE, BLOB_USED):
                continue
            told = len(values) if isinstance(values, list) else f"no list ({str(values)[:40]})"
            if told != length:
                raise BodyRefused(Outcome.WRONG_ANSWER, f"{name} of {count} blocks has {told} values, not {length}")


def read_fees(body: bytes) -> pl.DataFrame:
    """One row for each block of the fee histories in an answer.

    Columns: block_number, base_fee_wei, blob_base_fee_wei and blob_gas_used_ratio (null before there were blobs, where
    nodes say 0), gas_used_ratio, locator, fault, raw. The last base fee of a history is that of the block after it,
    and is not read. Raises `BodyRefused`.
    """
    told = results(body, HISTORY, _history_of)
    if told.is_empty():
        raise BodyRefused(Outcome.LAYOUT_CHANGED, "no history of fees in the answer")
    blocks = told.unnest("result").with_columns(oldest=quantity("oldestBlock"), count=pl.col(USED).list.len())
    texts = (BASE, USED, BLOB_BASE, BLOB_USED)
    empty = pl.lit(None, pl.String).repeat_by("count")
    of_blocks = [pl.coalesce(pl.col(name).list.head("count"), empty).alias(name) for name in texts]
    rows = blocks.select("oldest", "locator", pl.int_ranges("count").alias("place"), *of_blocks).explode(
        "place", *texts
    )
    return with_raw(_read(rows), [*texts]).drop(*texts)


def _read(rows: pl.DataFrame) -> pl.DataFrame:
    blob_fee = wei(BLOB_BASE)
    read = rows.select(
        *(BASE, USED, BLOB_BASE, BLOB_USED),
        block_number=pl.col("oldest") + pl.col("place"),
        base_fee_wei=wei(BASE),
        gas_used_ratio=_ratio(USED),
        blob_base_fee_wei=pl.when(blob_fee > 0).then(blob_fee),
        blob_gas_used_ratio=pl.when(blob_fee > 0).then(_ratio(BLOB_USED)),
        locator=pl.format("{}/{}/{}", "locator", pl.lit(BASE), "place"),
    )
    is_no_blob_fee = pl.col(BLOB_BASE).is_not_null() & blob_fee.is_null()
    return read.with_columns(
        fault=first_fault(
            (pl.col("base_fee_wei").is_null(), "the base fee is no hex quantity"),
            (pl.col("gas_used_ratio").is_null(), "the share of gas used is no number"),
            (is_no_blob_fee, "the base fee of blob gas is no hex quantity"),
        )
    )


def _ratio(name: str) -> pl.Expr:
    number = pl.col(name).cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number.round(RATIO_PLACES))


def _history_of(value: Any) -> dict[str, Any] | None:
    """A fee history as a struct of texts; None for the result of another call."""
    return of_fields(value, HISTORY) if isinstance(value, dict) and "oldestBlock" in value else None
