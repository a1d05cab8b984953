"""Contracts of the activity subject: what happened on a chain in a period, and who was active.

A flow of a day D is what happened in [D 00:00, D+1 00:00) UTC. Weeks are ISO weeks. Distinct counts of a week are
rows of their own, never sums of days.
"""

from __future__ import annotations

import dataframely as dy
import polars as pl

from pipelines.tables.base import Observe, Table

VALUE = pl.Decimal(38, 18)
PERIODS = ("day", "week", "month", "instant")
COUNT = "count"
MONDAY = 1


def period_end() -> pl.Expr:
    """The instant at which the period of a row is over; for an instant the end of its day."""
    start = pl.col("period_start").cast(pl.Datetime("us"))
    return (
        pl.when(pl.col("period") == "week")
        .then(start.dt.offset_by("1w"))
        .when(pl.col("period") == "month")
        .then(start.dt.offset_by("1mo"))
        .otherwise(start.dt.offset_by("1d"))
    )


class ChainStat(Table):
    """What one source says of one measure of one chain in one period."""

    load = Observe()
    entity = "chain_id"
    at = "period_start"
    named_by = "chain"

    chain_id = dy.String(primary_key=True, description="The chain (seeds.chains)")
    metric_id = dy.String(primary_key=True, description="What is measured (seeds.metrics)")
    source_metric = dy.String(primary_key=True, description="The series as the source names it")
    period = dy.String(
        primary_key=True,
        check=lambda period: period.is_in(PERIODS),
        description="day, week (from Monday), month, or instant: the state when it was asked for",
    )
    period_start = dy.Date(primary_key=True, description="First UTC day of the period; the day of an instant")
    value = dy.Decimal(38, 18, min=0, description="The figure, in the unit")
    unit = dy.String(description="count, usd, or the coin that gas is paid in (seeds.assets), in whole coins")
    definition = dy.String(
        description=(
            "What is counted: all or operational transactions; addresses as sender, recipient or participant; contracts"
            " created; l2_fee, without the part paid for data on another chain; fees of all_protocols"
        )
    )

    @dy.rule()
    def counts_are_whole(cls) -> pl.Expr:
        return (pl.col("unit") != COUNT) | (pl.col("value") == pl.col("value").round(0))

    @dy.rule()
    def weeks_start_on_monday(cls) -> pl.Expr:
        return (pl.col("period") != "week") | (pl.col("period_start").dt.weekday() == MONDAY)

    @dy.rule()
    def months_start_on_the_first(cls) -> pl.Expr:
        return (pl.col("period") != "month") | (pl.col("period_start").dt.day() == 1)

    @dy.rule()
    def period_is_over(cls) -> pl.Expr:
        return (pl.col("period") == "instant") | (period_end() <= pl.col("fetched_at"))


class AddressTransaction(Table):
    """One transaction, by which its sender counts as active on a day, in a week and in a month."""

    load = Observe()
    entity = "chain_id"
    at = "block_at"

    chain_id = dy.String(primary_key=True, description="The chain (seeds.chains)")
    tx_id = dy.String(primary_key=True, description="The transaction, lower case")
    block_number = dy.Int64(min=0, description="Height of its block")
    block_at = dy.Datetime(time_unit="us", description="Time of its block, UTC")
    date_day = dy.Date(description="The UTC day of block_at")
    address = dy.String(description="Who sent it; a sponsor that pays its fee is not named")
    tx_kind = dy.String(description="token_transfer, contract_call or smart_contract; what miners write is left out")
    status = dy.String(description="success, or how it was aborted: the fee is paid in any case")
    fee_ustx = dy.Decimal(38, 0, min=0, description="Fee, millionths of STX")

    @dy.rule()
    def date_day_is_the_day_of_the_block(cls) -> pl.Expr:
        return pl.col("date_day") == pl.col("block_at").dt.date()
