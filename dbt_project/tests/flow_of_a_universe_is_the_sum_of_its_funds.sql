-- In dollars and in bitcoin, from the rows of etf_flows; and what came in and what went out make the flow.
{{ config(meta={'dagster': {'ref': {'name': 'etf_market_daily'}}}) }}
with sums as (
    select
        universe.fund_universe,
        flows.trade_date,
        sum(flows.net_flow_usd) as net_flow_usd,
        sum(flows.net_flow_btc) as net_flow_btc
    from {{ ref('etf_flows') }} as flows
    inner join {{ ref('fund_universes') }} as universe
        on flows.fund_id = universe.fund_id
    group by universe.fund_universe, flows.trade_date
)

select
    daily.fund_universe,
    daily.trade_date
from {{ ref('etf_market_daily') }} as daily
inner join sums
    on daily.fund_universe = sums.fund_universe and daily.trade_date = sums.trade_date
where
    daily.net_flow_usd <> sums.net_flow_usd
    or daily.net_flow_btc <> sums.net_flow_btc
    or daily.gross_inflow_usd - daily.gross_outflow_usd is distinct from daily.net_flow_usd
