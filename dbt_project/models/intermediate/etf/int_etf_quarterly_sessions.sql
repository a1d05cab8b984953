-- One row per scope, member fund and session that it is listed on: its flow, and whether the scope needs it.
-- A member that last had at most 1 % of the scope's bitcoin may be missing, and so may one that no source
-- ever sees. One whose share is not known yet, but that is seen on a later session, may not.
with members as (
    select
        scopes.scope,
        scopes.scope_id,
        scopes.fund_id,
        listed.trade_date,
        cast(date_trunc('quarter', listed.trade_date) as date) as quarter_start,
        flows.net_flow_usd,
        flows.source_id as flow_source_id,
        in_btc.net_flow_btc,
        in_btc.source_id as btc_source_id,
        holdings.btc_held,
        sum(holdings.btc_held) over (
            partition by scopes.scope, scopes.scope_id, listed.trade_date
        ) as scope_btc
    from {{ ref('int_etf_quarterly_scopes') }} as scopes
    inner join {{ ref('int_etf_fund_sessions') }} as listed
        on scopes.fund_id = listed.fund_id
    left join {{ ref('int_etf_flows_ranked') }} as flows
        on listed.fund_id = flows.fund_id and listed.trade_date = flows.trade_date
    left join {{ ref('int_etf_net_flow_btc') }} as in_btc
        on listed.fund_id = in_btc.fund_id and listed.trade_date = in_btc.trade_date
    left join {{ ref('int_etf_holdings_ranked') }} as holdings
        on listed.fund_id = holdings.fund_id and listed.trade_date = holdings.trade_date
),

weighed as (
    select
        members.*,
        last_value(cast(btc_held as decimal(38, 8)) * 100 > scope_btc ignore nulls) over (
            partition by scope, scope_id, fund_id order by trade_date
            rows between unbounded preceding and current row
        ) as is_above_one_pct,
        count(net_flow_usd) over (partition by scope, scope_id, fund_id) > 0 as has_flows,
        count(btc_held) over (partition by scope, scope_id, fund_id) > 0 as has_holdings
    from members
)

select
    scope,
    scope_id,
    fund_id,
    trade_date,
    quarter_start,
    net_flow_usd,
    flow_source_id,
    net_flow_btc,
    btc_source_id,
    coalesce(is_above_one_pct, has_flows) as is_flow_needed,
    coalesce(is_above_one_pct, has_holdings) as is_holding_needed
from weighed
