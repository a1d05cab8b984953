"""Contracts of the TVL subject: what chains and protocols hold.

A level of a day D is the state at its end, so `observed_at` is D+1 00:00 UTC. Levels are above zero: upstreams
print 0, null or NaN where they do not know, and such a row is set aside without a word against its body.
"""

from __future__ import annotations

import dataframely as dy
import polars as pl

from pipelines.tables.base import Observe, Table

USD = pl.Decimal(18, 2)
COINS = pl.Decimal(38, 8)
COMPONENTS = ("tvl", "borrowed", "staking", "pool2", "vesting")


def _is_midnight() -> pl.Expr:
    return pl.col("observed_at") == pl.col("observed_at").dt.truncate("1d")


def _is_end_of_date_day() -> pl.Expr:
    return pl.col("date_day") == pl.col("observed_at").dt.offset_by("-1d").dt.date()


class ChainTvl(Table):
    """What one source says is locked on one chain at the end of one day."""

    load = Observe()
    entity = "chain_id"
    at = "observed_at"
    named_by = "chain"
    uncounted = frozenset({"tvl_usd|nullability", "tvl_usd|min_exclusive"})

    chain_id = dy.String(primary_key=True, description="The chain (seeds.chains); all_chains is the source's total")
    tvl_definition = dy.String(
        primary_key=True,
        check=lambda definition: definition.is_in(["defi"]),
        description="defi: held by DeFi protocols, no liquid staking, nothing twice (seeds.tvl_definitions)",
    )
    observed_at = dy.Datetime(time_unit="us", primary_key=True, description="UTC midnight that the level holds for")
    date_day = dy.Date(description="The UTC day that ends at observed_at")
    tvl_usd = dy.Decimal(18, 2, min_exclusive=0, description="Total value locked, US dollars")
    source_name = dy.String(description="The chain as it was asked for; all for the total")

    @dy.rule()
    def at_midnight(cls) -> pl.Expr:
        return _is_midnight()

    @dy.rule()
    def date_day_ends_at_observed_at(cls) -> pl.Expr:
        return _is_end_of_date_day()


class ChainSnapshot(Table):
    """What one source says is locked on one chain at the moment of asking."""

    load = Observe()
    entity = "source_name"
    at = "snapshot_on"
    uncounted = frozenset({"tvl_usd|nullability", "tvl_usd|min"})

    source_name = dy.String(primary_key=True, description="The chain as the source names it")
    snapshot_on = dy.Date(primary_key=True, description="The UTC day of the answer")
    chain_id = dy.String(nullable=True, description="The chain (seeds.chains); null where the seeds have none")
    evm_chain_id = dy.Int64(nullable=True, description="EIP-155 chain id; null for other machines, or not given")
    token_symbol = dy.String(nullable=True, description="Symbol of the chain's token")
    tvl_usd = dy.Decimal(18, 2, min=0, description="Total value locked, US dollars; a chain that died shows 0")


class ProtocolPresence(Table):
    """That one source lists a protocol on a chain at the moment of asking."""

    load = Observe()
    entity = "protocol_slug"
    at = "snapshot_on"

    protocol_slug = dy.String(primary_key=True, description="The protocol in the source's addresses")
    chain_name = dy.String(primary_key=True, description="The chain as this list names it, old labels such as RSK")
    snapshot_on = dy.Date(primary_key=True, description="The UTC day of the answer")
    chain_id = dy.String(nullable=True, description="The chain (seeds.chains); null where the seeds have none")
    protocol_name = dy.String(description="Name to show")
    category = dy.String(description="What the source takes it for: Bridge, Dexs, Liquid Staking, …")
    parent_slug = dy.String(nullable=True, description="The protocol whose versions are listed one by one")
    tvl_usd = dy.Decimal(18, 2, nullable=True, min=0, description="What it holds on the chain, US dollars")


class ProtocolTvl(Table):
    """What one source says one protocol holds on one chain at the end of one day, whole and by token."""

    load = Observe()
    entity = "protocol_id"
    at = "observed_at"
    named_by = "protocol"
    uncounted = frozenset({"has_a_value", "tvl_usd|min_exclusive", "token_amount|min_exclusive"})

    protocol_id = dy.String(primary_key=True, description="The protocol (seeds.protocols)")
    chain_name = dy.String(primary_key=True, description="The chain as the source names it")
    tvl_component = dy.String(
        primary_key=True,
        check=lambda component: component.is_in(COMPONENTS),
        description="tvl, or what the source counts beside it: borrowed, staking, pool2, vesting",
    )
    token_symbol = dy.String(primary_key=True, description="The token as the source names it; * is all of them")
    observed_at = dy.Datetime(time_unit="us", primary_key=True, description="UTC midnight that the level holds for")
    date_day = dy.Date(description="The UTC day that ends at observed_at")
    chain_id = dy.String(nullable=True, description="The chain (seeds.chains); null where the seeds have none")
    tvl_usd = dy.Decimal(18, 2, nullable=True, min_exclusive=0, description="Value, US dollars; null where unpriced")
    token_amount = dy.Decimal(38, 8, nullable=True, min_exclusive=0, description="Whole tokens; null for all of them")

    @dy.rule()
    def at_midnight(cls) -> pl.Expr:
        return _is_midnight()

    @dy.rule()
    def date_day_ends_at_observed_at(cls) -> pl.Expr:
        return _is_end_of_date_day()

    @dy.rule()
    def has_a_value(cls) -> pl.Expr:
        return pl.col("tvl_usd").is_not_null() | pl.col("token_amount").is_not_null()
