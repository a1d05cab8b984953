"""What a stretch of blocks comes to, day by day: totals, senders, recipients, and how the blocks hang together.

Belongs here: from frames of blocks, transactions and receipts to these, whatever order the answers are in.
Not here: reading answers (full_blocks.py), files and periods (address_sets.py, chain_periods.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from pipelines.bridges import SystemTransaction
from pipelines.evm.full_blocks import PLAIN_TRANSFER_GAS
from pipelines.evm.system_transactions import is_system

DEPOSIT_TYPE = "0x7e"
"""A transaction that comes from the chain below (OP Stack): it pays nothing."""
WEI = pl.Int128
RECEIPT_KEY = ["block_hash", "tx_hash"]


@dataclass(frozen=True)
class StretchSets:
    """`totals`: one row per day, its transactions, gas, fees and the answer that came last (`place`).

    `runs`: neighbouring blocks each of which builds on the one before. `senders`, `recipients`: distinct per day.
    """

    totals: pl.DataFrame
    runs: pl.DataFrame
    senders: pl.DataFrame
    recipients: pl.DataFrame


def sets_of(
    headers: pl.DataFrame, transactions: pl.DataFrame, receipts: pl.DataFrame, rules: Iterable[SystemTransaction]
) -> StretchSets:
    """The sets of some blocks. All three frames have `place`: the greater, the later came the answer.

    Of a block that was answered more than once the last answer counts.
    """
    blocks = (
        headers.filter(pl.col("fault").is_null())
        .sort("place")
        .unique("block_number", keep="last", maintain_order=True)
        .sort("block_number")
        .with_columns(date_day=pl.col("block_at").dt.date())
    )
    of_blocks = blocks.select("block_number", "place", "block_hash", "date_day", "paid_fees_wei")
    last_receipts = receipts.sort("place").unique(RECEIPT_KEY, keep="last").drop("block_number")
    told = (
        transactions.join(of_blocks, on=["block_number", "place"])
        .join(last_receipts.rename({"place": "receipt_place"}), on=RECEIPT_KEY, how="left")
        .with_columns(is_system=is_system(rules), is_failed=pl.col("is_failed").fill_null(value=False))
    )
    users = told.filter(~pl.col("is_system"))
    may_be = pl.col("has_input") | (pl.coalesce("gas_used", "gas_limit") > PLAIN_TRANSFER_GAS)
    called = users.filter(may_be & ~pl.col("is_failed") & pl.col("to").is_not_null())
    return StretchSets(
        totals=_totals(blocks, told, users),
        runs=_runs(blocks),
        senders=users.select("date_day", address="from").unique().sort("date_day", "address"),
        recipients=called.select("date_day", address="to").unique().sort("date_day", "address"),
    )


def _totals(blocks: pl.DataFrame, told: pl.DataFrame, users: pl.DataFrame) -> pl.DataFrame:
    """Per day: sums of the blocks and of their transactions; fees are null where one of them is not known."""
    price = pl.coalesce("price_wei", "gas_price_wei")
    fee = pl.when(pl.col("paid_fees_wei").is_null()).then(pl.col("gas_used").cast(WEI) * price).otherwise(0).cast(WEI)
    is_deposit = pl.col("type").eq_missing(DEPOSIT_TYPE)
    l1_fee = pl.when(is_deposit).then(pl.coalesce("l1_fee_wei", pl.lit(0, WEI))).otherwise(pl.col("l1_fee_wei"))
    of_users = users.group_by("date_day").agg(
        operational_tx_count=pl.len().cast(pl.Int64),
        new_contracts=(pl.col("to").is_null() & ~pl.col("is_failed")).sum().cast(pl.Int64),
        user_fees_wei=_whole_sum(fee),
        l1_fees_wei=_whole_sum(l1_fee),
        has_l1_fees=pl.col("l1_fee_wei").is_not_null().any(),
    )
    of_receipts = told.group_by("date_day").agg(receipt_place=pl.col("receipt_place").max())
    paid = pl.col("paid_fees_wei").cast(WEI)
    return (
        blocks.group_by("date_day")
        .agg(
            first_block=pl.col("block_number").min(),
            last_block=pl.col("block_number").max(),
            tx_count=pl.col("tx_count").sum(),
            gas_used=pl.col("gas_used").sum(),
            paid_wei=paid.sum(),
            place=pl.col("place").max(),
        )
        .join(of_users, on="date_day", how="left")
        .join(of_receipts, on="date_day", how="left")
        .sort("date_day")
        .with_columns(is_still=pl.col("operational_tx_count").is_null())
        .with_columns(
            pl.col("operational_tx_count", "new_contracts").fill_null(0),
            pl.col("has_l1_fees").fill_null(value=False),
            place=pl.max_horizontal("place", "receipt_place"),
            fees_wei=pl.col("paid_wei") + _or_nothing("user_fees_wei"),
            l1_fees_wei=_or_nothing("l1_fees_wei"),
        )
        .drop("user_fees_wei", "paid_wei", "receipt_place", "is_still")
    )


def _or_nothing(name: str) -> pl.Expr:
    """A sum; of a day without transactions of users it is zero."""
    return pl.when("is_still").then(pl.lit(0, WEI)).otherwise(pl.col(name))


def _whole_sum(value: pl.Expr) -> pl.Expr:
    """A sum, null where one of its values is."""
    return pl.when(value.is_null().any()).then(None).otherwise(value.sum())


def _runs(blocks: pl.DataFrame) -> pl.DataFrame:
    """Runs of neighbours: first and last block, their times, the hash before them and the one at their end."""
    return joined_runs(
        blocks.select(
            first_block="block_number",
            last_block="block_number",
            first_at="block_at",
            last_at="block_at",
            parent_hash="parent_hash",
            block_hash="block_hash",
        )
    )


def joined_runs(runs: pl.DataFrame) -> pl.DataFrame:
    """Runs of which one goes on where the other ends, and builds on its hash, as one."""
    goes_on = (pl.col("first_block") == pl.col("last_block").shift() + 1) & (
        pl.col("parent_hash") == pl.col("block_hash").shift()
    )
    return (
        runs.sort("first_block")
        .with_columns(run=(~goes_on.fill_null(value=False)).cum_sum())
        .group_by("run", maintain_order=True)
        .agg(
            pl.col("first_block", "first_at", "parent_hash").first(),
            pl.col("last_block", "last_at", "block_hash").last(),
        )
        .drop("run")
    )
