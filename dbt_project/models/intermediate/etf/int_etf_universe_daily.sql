-- One row per universe and session since its first listing: the totals over its members. A total is NULL
-- where the 1 % rule voids it or no member has the figure; otherwise it is over the members that have it.
-- A transfer between two members that only one of them has booked is in transit: part of the value, of
-- neither fund.
with members as (
    select
        members.*,
        case when net_flow_usd > 0 then net_flow_usd when net_flow_usd <= 0 then 0 end as inflow_usd,
        case when net_flow_usd < 0 then -net_flow_usd when net_flow_usd >= 0 then 0 end as outflow_usd
    from {{ ref('int_etf_universe_members') }} as members
),

summed as (
    select
        fund_universe,
        trade_date,
        session_number,
        count(*) as funds_listed,
        count(case when net_flow_usd is not null and btc_held is not null then 1 end) as funds_reported,
        list_sort(list(fund_id) filter (where net_flow_usd is null or btc_held is null)) as missing_funds,
        max(net_flow_usd is not null or btc_held is not null) as is_any_reported,
        max(is_provisional) as is_provisional,
        case when not max(voids_flow) then sum(net_flow_usd) end as net_flow_usd,
        case when not max(voids_flow) then sum(inflow_usd) end as gross_inflow_usd,
        case when not max(voids_flow) then sum(outflow_usd) end as gross_outflow_usd,
        case when not max(voids_flow_btc) then sum(net_flow_btc) end as net_flow_btc,
        case when not max(voids_holding) then sum(btc_held) end as btc_held,
        case when count(aum_usd) = count(btc_held) then sum(aum_usd) end as members_aum_usd,
        case when count(market_value_usd) = count(btc_held) then sum(market_value_usd) end
            as members_market_value_usd,
        list_sort(list_distinct(
            list(flow_source_id) || list(flow_btc_source_id) || list(holdings_source_id)
        )) as source_ids,
        list_sort(list_distinct(list(holdings_source_id))) as holdings_source_ids
    from members
    group by fund_universe, trade_date, session_number
),

on_the_way as (
    select
        fund_universe,
        trade_date,
        sum(in_transit_btc) as in_transit_btc
    from {{ ref('int_etf_in_transit') }}
    group by fund_universe, trade_date
),

priced as (
    select
        summed.*,
        strike.strike_price_usd,
        strike.implied_strike_price_usd,
        strike.price_basis,
        case when summed.btc_held is not null then coalesce(on_the_way.in_transit_btc, 0) end
            as in_transit_btc,
        -- nothing on its way has no value, whatever the price
        case
            when summed.btc_held is null then null
            when on_the_way.in_transit_btc is null then 0
            else
                cast(
                    cast(on_the_way.in_transit_btc as decimal(38, 8)) * strike.strike_price_usd
                    as decimal(18, 2)
                )
        end as in_transit_usd
    from summed
    left join on_the_way
        on summed.fund_universe = on_the_way.fund_universe and summed.trade_date = on_the_way.trade_date
    left join {{ ref('int_etf_strike_price') }} as strike
        on summed.trade_date = strike.trade_date
)

select
    fund_universe,
    trade_date,
    session_number,
    cast(net_flow_usd as decimal(18, 2)) as net_flow_usd,
    cast(gross_inflow_usd as decimal(18, 2)) as gross_inflow_usd,
    cast(gross_outflow_usd as decimal(18, 2)) as gross_outflow_usd,
    cast(net_flow_btc as decimal(18, 8)) as net_flow_btc,
    cast(btc_held as decimal(18, 8)) as btc_held,
    cast(in_transit_btc as decimal(18, 8)) as in_transit_btc,
    cast(members_aum_usd + in_transit_usd as decimal(18, 2)) as aum_usd,
    cast(members_market_value_usd + in_transit_usd as decimal(18, 2)) as market_value_usd,
    strike_price_usd,
    implied_strike_price_usd,
    price_basis,
    cast(funds_listed as integer) as funds_listed,
    cast(funds_reported as integer) as funds_reported,
    coalesce(missing_funds, []) as missing_funds,
    is_any_reported,
    net_flow_usd is not null and btc_held is not null as is_complete,
    is_provisional,
    nullif(
        concat_ws(
            ', ',
            case when net_flow_btc is null then 'flow_btc_missing' end,
            case when net_flow_usd is null then 'flow_missing' end,
            case when btc_held is null then 'holding_missing' end,
            case when btc_held is not null and members_aum_usd is null then 'no_strike_price' end
        ), ''
    ) as total_reason,
    source_ids,
    holdings_source_ids
from priced
