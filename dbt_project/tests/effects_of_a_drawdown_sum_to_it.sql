-- From peak to trough, to the cent; and all four are there or none is.
{{ config(meta={'dagster': {'ref': {'name': 'etf_drawdowns'}}}) }}
select
    fund_universe,
    value_basis,
    peak_on
from {{ ref('etf_drawdowns') }}
where
    price_effect_usd + flow_effect_usd + corporate_action_effect_usd + residual_usd <> drawdown_usd
    or drawdown_usd is distinct from trough_value_usd - peak_value_usd
    or (
        (price_effect_usd + flow_effect_usd + corporate_action_effect_usd + residual_usd) is null
        and coalesce(price_effect_usd, flow_effect_usd, corporate_action_effect_usd, residual_usd) is not null
    )
