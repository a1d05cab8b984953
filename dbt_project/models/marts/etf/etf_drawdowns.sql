-- One row per universe, value basis and running peak from which the value fell by 5 % or more: how deep, how
-- long, and why.
select
    fund_universe,
    value_basis,
    peak_on,
    trough_on,
    recovered_on,
    sessions_to_trough,
    peak_value_usd,
    trough_value_usd,
    drawdown_usd,
    drawdown_pct,
    price_effect_usd,
    flow_effect_usd,
    corporate_action_effect_usd,
    residual_usd,
    is_open,
    source_ids
from {{ ref('int_etf_drawdown_episodes') }}
where {{ in_window('peak_on') }}
