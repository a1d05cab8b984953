"""Contracts of data availability and of rollups as a service: what was posted, what it cost, which rollups there are.

A flow of a day D is what happened in [D 00:00, D+1 00:00) UTC. A source tells each measure of a day in an answer of its
own, so that each is a row of its own and shows the bytes that it came from.
"""

from __future__ import annotations

import dataframely as dy
import polars as pl

from pipelines.tables.base import Observe, Replace, Table

VALUE = pl.Decimal(38, 18)
FEERATE = pl.Decimal(18, 8)
BTC = pl.Decimal(18, 8)
RATE = pl.Decimal(18, 8)
UNITS = {
    "blob_bytes": "bytes",
    "blob_count": "count",
    "fee": "utia",
    "tx_count": "count",
    "gas_price": "utia_per_gas",
}
"""Unit of each measure; all but the price are whole numbers."""


def _day_is_over() -> pl.Expr:
    return pl.col("date_day").cast(pl.Datetime("us")).dt.offset_by("1d") <= pl.col("fetched_at")


def _is_whole() -> pl.Expr:
    return (pl.col("unit") == UNITS["gas_price"]) | (pl.col("value") == pl.col("value").round(0))


class DaDaily(Table):
    """One measure of all that was posted to a data availability layer on one day."""

    load = Observe()
    entity = "da_layer_id"
    at = "date_day"

    da_layer_id = dy.String(primary_key=True, description="The layer (seeds.da_layers)")
    date_day = dy.Date(primary_key=True, description="The UTC day")
    measure = dy.String(
        primary_key=True,
        check=lambda measure: measure.is_in(list(UNITS)),
        description=(
            "blob_bytes, blob_count; fee and tx_count of all transactions, those without blobs included; gas_price:"
            " mean of the day"
        ),
    )
    value = dy.Decimal(38, 18, min=0, description="The figure, in the unit")
    unit = dy.String(
        check=lambda unit: unit.is_in(list(UNITS.values())), description="bytes, count, utia, or utia_per_gas"
    )

    @dy.rule()
    def day_is_over(cls) -> pl.Expr:
        return _day_is_over()

    @dy.rule()
    def counts_bytes_and_fees_are_whole(cls) -> pl.Expr:
        return _is_whole()


class DaNamespaceDaily(Table):
    """One measure of what one rollup posted to a layer on one day, in all its namespaces; no row: it posted nothing."""

    load = Observe()
    entity = "rollup_id"
    at = "date_day"
    named_by = "rollup"

    da_layer_id = dy.String(primary_key=True, description="The layer (seeds.da_layers)")
    rollup_id = dy.String(primary_key=True, description="The rollup (seeds.rollups)")
    date_day = dy.Date(primary_key=True, description="The UTC day")
    measure = dy.String(
        primary_key=True,
        check=lambda measure: measure.is_in(["blob_bytes", "blob_count", "fee"]),
        description="blob_bytes, blob_count, or fee: what the transactions with its blobs paid",
    )
    value = dy.Decimal(38, 18, min=0, description="The figure, in the unit")
    unit = dy.String(check=lambda unit: unit.is_in(list(UNITS.values())), description="bytes, count or utia")
    rollup_slug = dy.String(description="Its name in the addresses of the source")
    namespace_id = dy.String(
        nullable=True, description="Its namespace, hex, where one is known (seeds.rollups); a source may add up several"
    )

    @dy.rule()
    def day_is_over(cls) -> pl.Expr:
        return _day_is_over()

    @dy.rule()
    def counts_bytes_and_fees_are_whole(cls) -> pl.Expr:
        return _is_whole()


class EthFee(Table):
    """What gas cost in one block; the headers beside it say which day the block is of."""

    load = Replace(by="block_number")
    entity = "chain_id"
    at = "fetched_at"

    chain_id = dy.String(primary_key=True, description="The chain (seeds.chains)")
    block_number = dy.Int64(primary_key=True, min=0, description="Height")
    base_fee_wei = dy.Decimal(38, 0, min=0, description="Base fee of one gas")
    blob_base_fee_wei = dy.Decimal(
        38, 0, nullable=True, min=1, description="Base fee of one blob gas; null before there were blobs"
    )
    gas_used_ratio = dy.Float64(min=0, max=1, description="Gas used by the gas limit, 8 places")
    blob_gas_used_ratio = dy.Float64(
        nullable=True, min=0, max=1, description="Blob gas used by its limit, 8 places; null before there were blobs"
    )


class BtcFeeRate(Table):
    """What transactions of one day paid for block space on Bitcoin."""

    load = Observe()
    entity = "chain_id"
    at = "date_day"

    chain_id = dy.String(primary_key=True, description="Always bitcoin (seeds.chains)")
    date_day = dy.Date(primary_key=True, description="The UTC day, by the times that miners set")
    median_feerate_sat_vb = dy.Decimal(
        18,
        8,
        min=0,
        description="Mean over the day's blocks of the block's median, satoshis per virtual byte; the source rounds to"
        " whole ones, so that 0 is less than a half",
    )
    mean_height = dy.Int64(min=0, description="Mean height of the day's blocks")

    @dy.rule()
    def day_is_over(cls) -> pl.Expr:
        return _day_is_over()


class RaasRollup(Table):
    """What a provider's list says of one rollup on the day it was asked; it has rollups of other providers too."""

    load = Observe()
    entity = "rollup_slug"
    at = "snapshot_on"

    rollup_slug = dy.String(
        primary_key=True, regex="^[a-z0-9]+(-[a-z0-9]+)*$", description="Its name in lower case, hyphens for all else"
    )
    snapshot_on = dy.Date(primary_key=True, description="UTC day of the answer")
    rollup_id = dy.String(nullable=True, description="The rollup (seeds.rollups); null where it is not under study")
    rollup_name = dy.String(description="Its name as it is listed")
    evm_chain_id = dy.Int64(nullable=True, min=1, description="Its EIP-155 chain id, where the list says it")
    provider = dy.String(nullable=True, description="Who runs it, as it is listed")
    stack = dy.String(nullable=True, description="The software, as it is listed")
    da_name = dy.String(nullable=True, description="Where its data goes, as it is listed")
    settlement_name = dy.String(nullable=True, description="Where it settles, as it is listed")
    layer_level = dy.String(nullable=True, description="Its level (L2, L3), as it is listed")
    tvl_btc = dy.Decimal(18, 8, nullable=True, min=0, description="Value locked, in bitcoin, by the list's own count")
    tps = dy.Decimal(18, 8, nullable=True, min=0, description="Transactions per second")
    block_number = dy.Int64(nullable=True, min=0, description="Height of its newest block")
    last_block_at = dy.Datetime(time_unit="us", nullable=True, description="Time of its newest block, UTC")
