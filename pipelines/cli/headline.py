"""The few figures that a run ends with. Belongs here: one line of SQL for each."""

from __future__ import annotations

import duckdb
from rich.table import Table

LAST_SESSION = "(select max(trade_date) from marts.etf_flows where share_of_fund_total_pct is not null)"
FIGURES = (
    ("Sessions", "count(distinct trade_date) || ' (' || min(trade_date) || ' to ' || max(trade_date) || ')'"),
    ("Net flow into US spot bitcoin ETFs", "format('{:,.1f} US$ m', cast(sum(net_flow_usd) as double) / 1e6)"),
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


def headline(connection: duckdb.DuckDBPyConnection) -> Table:
    """A short table of what the published file says; figures without rows are left out."""
    table = Table(show_header=False, box=None, padding=(0, 2))
    for label, figure in FIGURES:
        (value,) = connection.execute(f"select {figure} from marts.etf_flows").fetchone() or (None,)
        if value is not None:
            table.add_row(label, str(value))
    return table
