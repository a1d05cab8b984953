"""Contracts of the spot Bitcoin ETF subject: flows and holdings of a fund on a trading session.

A session is a trading day of XNYS. Definitions: a net flow is what creations and redemptions brought into a
fund in a session; a holding is the bitcoin the trust owns after it.
"""

from __future__ import annotations

import dataframely as dy
import polars as pl

from pipelines.tables.base import Observe, Table

USD = pl.Decimal(18, 2)
BTC = pl.Decimal(18, 8)


class EtfFlow(Table):
    """What one source says flowed into one fund in one session."""

    load = Observe()
    entity = "fund_id"
    at = "trade_date"
    named_by = "fund"

    fund_id = dy.String(primary_key=True, description="The fund (seeds.funds)")
    trade_date = dy.Date(primary_key=True, description="The New York trading session")
    net_flow_usd = dy.Decimal(18, 2, description="Net creations in US dollars, negative for redemptions")
    net_flow_btc = dy.Decimal(18, 8, nullable=True, description="Net creations in bitcoin, where printed")
    flow_basis = dy.String(
        check=lambda basis: basis.is_in(["reported", "holdings_derived"]),
        description="reported: by the fund; holdings_derived: change of holdings times a price",
    )
    printed_total_usd = dy.Decimal(
        18, 2, nullable=True, description="The source's own total over all funds of the session, US dollars"
    )
    is_provisional = dy.Bool(
        description="Fetched before 14:00 UTC of the next day, or a listed fund of the row had not reported"
    )


class EtfHolding(Table):
    """What one source says one fund owned after one session."""

    load = Observe()
    entity = "fund_id"
    at = "trade_date"
    named_by = "fund"

    fund_id = dy.String(primary_key=True, description="The fund (seeds.funds)")
    trade_date = dy.Date(primary_key=True, description="The New York trading session, as the source prints it")
    btc_held = dy.Decimal(18, 8, min_exclusive=0, description="Bitcoin owned by the trust")
    aum_usd = dy.Decimal(18, 2, nullable=True, description="Assets under management in US dollars, as printed")
    nav_per_share_usd = dy.Decimal(38, 8, nullable=True, description="Net asset value per share, US dollars")
    shares_outstanding = dy.Decimal(38, 8, nullable=True, description="Shares outstanding")
    is_estimated = dy.Bool(description="True where the source computes the holding instead of reporting it")
