-- One row per universe and session since its first listing: why its value changed since the session before.
-- Each effect is the sum over the members, of what their own splits say, and of
--   a member whose listing ended with the session before: all it held is redeemed,
--   bitcoin in transit (t): (t0 + t1) / 2 x (p1 - p0) by the price, (t1 - t0) x (p0 + p1) / 2 by the action,
-- each to the cent; the residual is what is left of the change. Reported and strike-price value have the
-- same effects and a residual each.
with listed_members as (
    select
        members.fund_universe,
        members.trade_date,
        split.price_effect_usd,
        split.flow_effect_usd,
        split.corporate_action_effect_usd,
        split.split_reason
    from {{ ref('int_etf_universe_members') }} as members
    inner join {{ ref('int_etf_value_split') }} as split
        on members.fund_id = split.fund_id and members.trade_date = split.trade_date
),

gone_members as (
    select
        before.fund_universe,
        sessions.trade_date,
        cast(before.btc_held as decimal(30, 8)) as q0,
        strike_before.strike_price_usd as p0,
        strike.strike_price_usd as p1,
        members.fund_id is not null as is_still_listed
    from {{ ref('int_etf_universe_members') }} as before
    inner join {{ ref('int_sessions') }} as sessions
        on before.session_number + 1 = sessions.session_number
    left join {{ ref('int_etf_universe_members') }} as members
        on
            before.fund_universe = members.fund_universe
            and before.fund_id = members.fund_id
            and sessions.session_number = members.session_number
    left join {{ ref('int_etf_strike_price') }} as strike_before
        on before.trade_date = strike_before.trade_date
    left join {{ ref('int_etf_strike_price') }} as strike
        on sessions.trade_date = strike.trade_date
    where before.btc_held is not null and members.btc_held is null
),

days as (
    select
        daily.fund_universe,
        daily.trade_date,
        before.trade_date as previous_trade_date,
        daily.aum_usd - before.aum_usd as aum_change_usd,
        daily.market_value_usd - before.market_value_usd as market_value_change_usd,
        cast(before.in_transit_btc as decimal(30, 8)) as t0,
        cast(daily.in_transit_btc as decimal(30, 8)) as t1,
        before.strike_price_usd as p0,
        daily.strike_price_usd as p1,
        case
            when before.fund_universe is null then 'first_session'
            when daily.btc_held is null or before.btc_held is null then 'session_missing'
            when daily.aum_usd is null or before.aum_usd is null then 'no_strike_price'
        end as split_reason
    from {{ ref('int_etf_universe_daily') }} as daily
    left join {{ ref('int_etf_universe_daily') }} as before
        on daily.fund_universe = before.fund_universe and daily.session_number - 1 = before.session_number
),

parts as (
    select
        fund_universe,
        trade_date,
        price_effect_usd,
        flow_effect_usd,
        corporate_action_effect_usd,
        split_reason
    from listed_members
    union all
    select
        fund_universe,
        trade_date,
        cast(q0 * 0.5 * (p1 - p0) as decimal(18, 2)) as price_effect_usd,
        cast(-q0 * (p0 + p1) * 0.5 as decimal(18, 2)) as flow_effect_usd,
        0 as corporate_action_effect_usd,
        case
            when is_still_listed then 'session_missing'
            when p0 is null or p1 is null then 'no_strike_price'
        end as split_reason
    from gone_members
    union all
    select
        fund_universe,
        trade_date,
        cast((t0 + t1) * 0.5 * (p1 - p0) as decimal(18, 2)) as price_effect_usd,
        0 as flow_effect_usd,
        cast((t1 - t0) * (p0 + p1) * 0.5 as decimal(18, 2)) as corporate_action_effect_usd,
        split_reason
    from days
),

summed as (
    select
        fund_universe,
        trade_date,
        sum(price_effect_usd) as price_effect_usd,
        sum(flow_effect_usd) as flow_effect_usd,
        sum(corporate_action_effect_usd) as corporate_action_effect_usd,
        min(split_reason) as split_reason
    from parts
    group by fund_universe, trade_date
),

judged as (
    select
        days.*,
        summed.price_effect_usd,
        summed.flow_effect_usd,
        summed.corporate_action_effect_usd,
        summed.price_effect_usd + summed.flow_effect_usd + summed.corporate_action_effect_usd as effects_usd,
        coalesce(days.split_reason, summed.split_reason) as reason
    from days
    inner join summed
        on days.fund_universe = summed.fund_universe and days.trade_date = summed.trade_date
)

select
    fund_universe,
    trade_date,
    previous_trade_date,
    {% for column in ['aum_change_usd', 'market_value_change_usd', 'price_effect_usd', 'flow_effect_usd',
                      'corporate_action_effect_usd'] -%}
        cast(case when reason is null then {{ column }} end as decimal(18, 2)) as {{ column }},
    {% endfor -%}
    cast(case when reason is null then aum_change_usd - effects_usd end as decimal(18, 2)) as residual_usd,
    cast(case when reason is null then market_value_change_usd - effects_usd end as decimal(18, 2))
        as market_value_residual_usd,
    reason as split_reason
from judged
