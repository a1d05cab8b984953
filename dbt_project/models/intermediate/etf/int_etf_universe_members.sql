-- One row per universe, member and session that it is listed on: what is known of it, and whether its
-- absence voids a total. The 1 % rule: a member without a figure is missing; its last known share is the one
-- of the last session on which its bitcoin was seen, in the bitcoin of all members seen on that session. A
-- missing member above 1 % voids the total; one never seen does not. Flows go by the same share of bitcoin.
-- While no member's bitcoin has been seen, no share is known: then every member that ever reported a flow
-- counts.
with members as (
    select
        universe.fund_universe,
        listed.fund_id,
        listed.trade_date,
        listed.session_number,
        flows.net_flow_usd,
        flows.is_provisional,
        flows.source_id as flow_source_id,
        in_btc.net_flow_btc,
        in_btc.source_id as flow_btc_source_id,
        valued.btc_held,
        valued.aum_usd,
        valued.market_value_usd,
        valued.source_id as holdings_source_id,
        sum(valued.btc_held) over (partition by universe.fund_universe, listed.trade_date) as total_btc
    from {{ ref('fund_universes') }} as universe
    inner join {{ ref('int_etf_fund_sessions') }} as listed
        on universe.fund_id = listed.fund_id
    left join {{ ref('int_etf_flows_ranked') }} as flows
        on listed.fund_id = flows.fund_id and listed.trade_date = flows.trade_date
    left join {{ ref('int_etf_net_flow_btc') }} as in_btc
        on listed.fund_id = in_btc.fund_id and listed.trade_date = in_btc.trade_date
    left join {{ ref('int_etf_holdings_valued') }} as valued
        on listed.fund_id = valued.fund_id and listed.trade_date = valued.trade_date
),

weighed as (
    select
        members.*,
        last_value(cast(btc_held as decimal(38, 8)) * 100 > total_btc ignore nulls) over (
            partition by fund_universe, fund_id order by trade_date
            rows between unbounded preceding and current row
        ) as is_above_one_pct,
        count(net_flow_usd) over (
            partition by fund_universe, fund_id order by trade_date
            rows between unbounded preceding and current row
        ) > 0 as has_flowed,
        count(btc_held) over (
            partition by fund_universe order by trade_date
            range between unbounded preceding and current row
        ) > 0 as is_any_share_known
    from members
)

select
    fund_universe,
    fund_id,
    trade_date,
    session_number,
    net_flow_usd,
    is_provisional,
    flow_source_id,
    net_flow_btc,
    flow_btc_source_id,
    btc_held,
    aum_usd,
    market_value_usd,
    holdings_source_id,
    net_flow_usd is null
    and case when is_any_share_known then coalesce(is_above_one_pct, false) else has_flowed end
        as voids_flow,
    net_flow_btc is null and coalesce(is_above_one_pct, false) as voids_flow_btc,
    btc_held is null and coalesce(is_above_one_pct, false) as voids_holding
from weighed
