"""Contracts of the market subject: prices, market caps, the height of the chain, balances of Bitcoin addresses.

Every source's label of an instant is brought to one: a level of the UTC day D is the state at D+1 00:00.
"""

from __future__ import annotations

from datetime import datetime

import dataframely as dy
import polars as pl

from pipelines.tables.base import Observe, Replace, Table

PRICE = pl.Decimal(38, 8)
SATS = pl.Decimal(38, 0)
HOUR_SEC, DAY_SEC = 3_600, 86_400
SLOT_TOLERANCE_SEC = {HOUR_SEC: 30 * 60, DAY_SEC: 6 * HOUR_SEC}
"""How far the record of a price may lie from the slot it stands for."""
LEAST_CONFIDENCE = 0.9
"""Prices of which DefiLlama itself is less sure than this are not used."""

HALVING_2024_HEIGHT, HALVING_2024_AT = 840_000, datetime.fromisoformat("2024-04-20T00:09:27")
"""A block that everybody knows: the first one of 3.125 BTC."""
BLOCKS_PER_DAY = 144
MAX_HEIGHT_ERROR_RATIO = 0.05
LONGEST_BLOCK_GAP_HOURS = 12
"""At six blocks an hour a longer wait has a probability of exp(-72): the index answers from an old state."""


class AssetPrice(Table):
    """The price of one asset nearest to a slot: a full hour, or the end of a UTC day."""

    load = Observe()
    entity = "asset_id"
    at = "slot_at"
    named_by = "asset"

    asset_id = dy.String(primary_key=True, description="The asset (seeds.assets)")
    slot_at = dy.Datetime(
        time_unit="us",
        primary_key=True,
        description="UTC instant the price stands for; 00:00 is the end of the day before",
    )
    slot_sec = dy.Int32(
        check=lambda sec: sec.is_in([*SLOT_TOLERANCE_SEC]), description="Spacing of the slots in seconds: 3600 or 86400"
    )
    priced_at = dy.Datetime(
        time_unit="us",
        description="UTC instant of the record found: within 30 minutes (hourly) or 6 hours (daily) of the slot",
    )
    price_usd = dy.Decimal(38, 8, min_exclusive=0, description="US dollars per whole coin")
    confidence_ratio = dy.Float64(
        nullable=True, min=LEAST_CONFIDENCE, max=1, description="How sure the source is of the asset's prices, 0 to 1"
    )

    @dy.rule()
    def on_a_slot(cls) -> pl.Expr:
        return pl.col("slot_at").dt.epoch("s") % pl.col("slot_sec") == 0

    @dy.rule()
    def near_its_slot(cls) -> pl.Expr:
        distance = (pl.col("priced_at") - pl.col("slot_at")).dt.total_microseconds().abs()
        tolerance = pl.col("slot_sec").replace_strict(SLOT_TOLERANCE_SEC, default=0, return_dtype=pl.Int64)
        return distance <= tolerance * 1_000_000


class AssetMarket(Table):
    """What one source says about one asset at the end of one UTC day."""

    load = Observe(null_is_silence=True)
    entity = "asset_id"
    at = "observed_at"
    named_by = "asset"

    asset_id = dy.String(primary_key=True, description="The asset (seeds.assets)")
    observed_at = dy.Datetime(
        time_unit="us", primary_key=True, description="UTC instant the values hold for: date_day + 1 day, 00:00"
    )
    date_day = dy.Date(description="The UTC day whose end it is")
    price_usd = dy.Decimal(38, 8, min_exclusive=0, description="US dollars per whole coin")
    market_cap_usd = dy.Decimal(
        38,
        8,
        nullable=True,
        min_exclusive=0,
        description="Market capitalisation in US dollars; null where none is said",
    )
    circulating_supply = dy.Decimal(
        38, 8, nullable=True, min=0, description="Whole coins in circulation, by the source's definition"
    )
    volume_24h_usd = dy.Decimal(38, 8, nullable=True, min=0, description="US dollars traded in the 24 hours before")
    source_status = dy.String(
        nullable=True,
        description="How settled the source calls its values (flash, reviewed, revised), where it says so",
    )

    @dy.rule()
    def at_the_end_of_its_day(cls) -> pl.Expr:
        return pl.col("observed_at") == pl.col("date_day").cast(pl.Datetime("us")).dt.offset_by("1d")


class BtcHeight(Table):
    """The newest Bitcoin block at one instant: the end of a UTC day, or the strike of a New York session."""

    load = Replace()
    entity = "asset_id"
    at = "asked_at"

    asset_id = dy.String(primary_key=True, check=lambda asset: asset == "btc", description="Always btc (seeds.assets)")
    asked_at = dy.Datetime(time_unit="us", primary_key=True, description="UTC instant that was asked for")
    height = dy.Int64(min=0, description="Height of the newest block whose header is not later than the instant")
    block_hash = dy.String(regex="^[0-9a-f]{64}$", description="Hash of that block, hex")
    header_at = dy.Datetime(time_unit="us", description="UTC time in its header, as the miner set it")

    @dy.rule()
    def header_not_after_the_instant(cls) -> pl.Expr:
        return pl.col("header_at") <= pl.col("asked_at")

    @dy.rule()
    def header_near_the_instant(cls) -> pl.Expr:
        return pl.col("header_at") >= pl.col("asked_at").dt.offset_by(f"-{LONGEST_BLOCK_GAP_HOURS}h")

    @dy.rule()
    def height_is_possible(cls) -> pl.Expr:
        days = (pl.col("asked_at") - HALVING_2024_AT).dt.total_seconds() / DAY_SEC
        expected = HALVING_2024_HEIGHT + days * BLOCKS_PER_DAY
        return (pl.col("height") - expected).abs() <= MAX_HEIGHT_ERROR_RATIO * expected


class BtcAddressBalance(Table):
    """What one Bitcoin address had received and spent by the day it was asked, confirmed transactions only."""

    load = Observe()
    entity = "address"
    at = "snapshot_on"
    named_by = "address"

    address = dy.String(primary_key=True, description="The Bitcoin address (seeds.vault_addresses), letter case kept")
    snapshot_on = dy.Date(primary_key=True, description="UTC day of the answer")
    funded_sats = dy.Decimal(38, 0, min=0, description="Satoshis ever received")
    spent_sats = dy.Decimal(38, 0, min=0, description="Satoshis ever spent; the balance is funded minus spent")

    @dy.rule()
    def balance_not_negative(cls) -> pl.Expr:
        return pl.col("funded_sats") >= pl.col("spent_sats")


class AssetSupply(Table):
    """The supply of one asset after one block of its chain; hiro__stacks_blocks says which day the block ends."""

    load = Replace(by="block_height")
    entity = "asset_id"
    at = "fetched_at"

    asset_id = dy.String(primary_key=True, description="The asset (seeds.assets)")
    block_height = dy.Int64(primary_key=True, min=0, description="Height of the block, on the asset's own chain")
    circulating_supply = dy.Decimal(38, 8, min=0, description="Whole coins that can be spent or stacked")
    total_supply = dy.Decimal(38, 8, min_exclusive=0, description="Whole coins issued, those still locked included")

    @dy.rule()
    def circulating_within_the_total(cls) -> pl.Expr:
        return pl.col("circulating_supply") <= pl.col("total_supply")
