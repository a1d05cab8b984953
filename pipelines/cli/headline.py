"""The few figures that a run ends with. Belongs here: one line of SQL for each."""

from __future__ import annotations

import duckdb

LAST_SESSION = "(select max(trade_date) from marts.etf_flows where share_of_fund_total_pct is not null)"
FIGURES = (
    ("Sessions", "count(distinct trade_date) || ' (' || min(trade_date) || ' to ' || max(trade_date) || ')'"),
    (
        "Funds with a flow / with a holding",
        "count(distinct fund_id) filter (where net_flow_usd is not null) || ' / '"
        " || count(distinct fund_id) filter (where btc_held is not null)",
    ),
    (
        "Net flow into US spot bitcoin ETFs",
        "format('{:,.1f} US$ m', cast(sum(net_flow_usd) as double) / 1e6)",
    ),
    (
        "Bitcoin they hold, last complete session",
        f"format('{{:,.0f}} BTC', cast(sum(btc_held) filter (where trade_date = {LAST_SESSION}) as double))",
    ),
    (
        "Assets under management, same session",
        f"format('{{:,.1f}} US$ bn', cast(sum(aum_usd) filter (where trade_date = {LAST_SESSION}) as double) / 1e9)",
    ),
    (
        "Largest fund, its share of the bitcoin held",
        "max(ticker || format(' {:.1f} %', share_of_fund_total_pct))"
        f" filter (where is_largest_holder and trade_date = {LAST_SESSION})",
    ),
)


def headline(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Label and value of what the published file says first; figures without rows are left out."""
    values = [
        (label, connection.execute(f"select {figure} from marts.etf_flows").fetchone()) for label, figure in FIGURES
    ]
    return [(label, str(value[0])) for label, value in values if value and value[0] is not None]
