-- Quarters that the window shows whole: the flows of each scope's members in etf_flows, to the cent.
{{ config(meta={'dagster': {'ref': {'name': 'etf_quarterly'}}}) }}
with sums as (
    select
        scopes.scope,
        scopes.scope_id,
        cast(date_trunc('quarter', flows.trade_date) as date) as quarter_start,
        sum(flows.net_flow_usd) as net_flow_usd,
        sum(flows.net_flow_btc) as net_flow_btc
    from {{ ref('int_etf_quarterly_scopes') }} as scopes
    inner join {{ ref('etf_flows') }} as flows
        on scopes.fund_id = flows.fund_id
    group by scopes.scope, scopes.scope_id, date_trunc('quarter', flows.trade_date)
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
    {{ in_window('quarterly.quarter_start') }}
    and {{ in_window('quarterly.quarter_end') }}
    and (
        quarterly.net_flow_usd is distinct from sums.net_flow_usd
        or quarterly.gross_inflow_usd - quarterly.gross_outflow_usd is distinct from quarterly.net_flow_usd
        or (quarterly.net_flow_btc is not null and quarterly.net_flow_btc is distinct from sums.net_flow_btc)
    )
