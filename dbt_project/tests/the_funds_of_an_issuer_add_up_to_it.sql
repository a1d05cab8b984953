-- And so do those of a universe: each scope's quarter is the sum of the fund rows of its members.
{{ config(meta={'dagster': {'ref': {'name': 'etf_quarterly'}}}) }}
with sums as (
    select
        scopes.scope,
        scopes.scope_id,
        funds.quarter_start,
        sum(funds.net_flow_usd) as net_flow_usd,
        sum(funds.gross_inflow_usd) as gross_inflow_usd,
        sum(funds.gross_outflow_usd) as gross_outflow_usd,
        sum(funds.btc_held_end) as btc_held_end,
        sum(funds.corporate_action_btc) as corporate_action_btc
    from {{ ref('int_etf_quarterly_scopes') }} as scopes
    inner join {{ ref('etf_quarterly') }} as funds
        on scopes.fund_id = funds.scope_id and funds.scope = 'fund'
    group by scopes.scope, scopes.scope_id, funds.quarter_start
)

select
    quarterly.scope,
    quarterly.scope_id,
    quarterly.quarter_start
from {{ ref('etf_quarterly') }} as quarterly
left join sums
    on
        quarterly.scope = sums.scope
        and quarterly.scope_id = sums.scope_id
        and quarterly.quarter_start = sums.quarter_start
where
    quarterly.net_flow_usd is distinct from sums.net_flow_usd
    or quarterly.gross_inflow_usd is distinct from sums.gross_inflow_usd
    or quarterly.gross_outflow_usd is distinct from sums.gross_outflow_usd
    or (quarterly.btc_held_end is not null and quarterly.btc_held_end is distinct from sums.btc_held_end)
    or (
        quarterly.corporate_action_btc is not null
        and quarterly.corporate_action_btc is distinct from sums.corporate_action_btc
    )
