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
MOST_BTC = 21_000_000
"""No more bitcoin will ever be issued."""
LEAST_USD_PER_BTC, MOST_USD_PER_BTC = 10_000, 1_000_000
"""Between these lies every price of a bitcoin since the funds were listed in 2024 (about 40,000 to 126,000 by 2025);
that of a figure in thousands does not."""
LEAST_USD_PER_SHARE, MOST_USD_PER_SHARE = 1, 10_000
"""Between these lies what a share of a fund is worth: about 10 to 100 US dollars so far."""


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
    btc_held = dy.Decimal(18, 8, min_exclusive=0, max=MOST_BTC, description="Bitcoin owned by the trust")
    aum_usd = dy.Decimal(
        18, 2, nullable=True, description="Assets under management, US dollars: as printed, or all lines summed"
    )
    nav_per_share_usd = dy.Decimal(38, 8, nullable=True, description="Net asset value per share, US dollars")
    shares_outstanding = dy.Decimal(38, 8, nullable=True, description="Shares outstanding")
    is_estimated = dy.Bool(description="True where the source computes the holding instead of reporting it")


class EtfQuarterEnd(Table):
    """What one filing says one fund owned at the end of a quarter."""

    load = Observe()
    entity = "fund_id"
    at = "period_end"
    named_by = "fund"

    fund_id = dy.String(primary_key=True, description="The fund (seeds.funds)")
    period_end = dy.Date(primary_key=True, description="Last day of the calendar quarter that the facts are of")
    accession = dy.String(primary_key=True, description="The filing; all figures of a row are of this one")
    btc_held = dy.Decimal(18, 8, min_exclusive=0, max=MOST_BTC, description="Bitcoin owned by the trust")
    shares_outstanding = dy.Decimal(
        38, 8, nullable=True, description="Shares outstanding as this filing counts them: later ones restate for splits"
    )
    net_assets_usd = dy.Decimal(18, 2, nullable=True, description="Net assets in US dollars")
    form = dy.String(description="Form of the filing: 10-Q, 10-K or an amendment (/A)")
    tag = dy.String(description="The XBRL fact that counts the bitcoin: taxonomy:name[unit]")
    filed_on = dy.Date(description="The day of the filing")
