-- One row per universe of funds and session on which a member reports: what flowed, what is held, what it is
-- worth and why that changed.
with daily as (
    select
        daily.*,
        row_number() over series as universe_session_number,
        count(net_flow_usd) over series as sessions_with_flow,
        sum(net_flow_usd) over series as sum_usd,
        first_value(net_flow_usd) over series as first_flow_usd,
        max(aum_usd) over series as highest_aum_usd,
        count(aum_usd) over last_21 as count_21s,
        max(aum_usd) over last_21 as highest_21s_usd
    from {{ ref('int_etf_universe_daily') }} as daily
    window
        series as (
            partition by fund_universe order by session_number
            rows between unbounded preceding and current row
        ),
        last_21 as (
            partition by fund_universe order by session_number rows between 20 preceding and current row
        )
)

select
    daily.fund_universe,
    daily.trade_date,
    sessions.nav_strike_at,

    daily.net_flow_usd,
    daily.net_flow_btc,
    cast(
        case when daily.sessions_with_flow = daily.universe_session_number then daily.sum_usd end
        as decimal(18, 2)
    ) as cumulative_net_flow_usd,
    case
        when daily.sessions_with_flow = daily.universe_session_number then null
        when daily.first_flow_usd is null then 'not_covered_from_listing'
        else 'session_missing'
    end as cumulative_reason,
    daily.gross_inflow_usd,
    daily.gross_outflow_usd,

    daily.btc_held,
    daily.in_transit_btc,
    daily.aum_usd,
    cast(daily.strike_price_usd as decimal(38, 8)) as strike_price_usd,
    cast(daily.implied_strike_price_usd as decimal(38, 8)) as implied_strike_price_usd,

    split.aum_change_usd,
    split.price_effect_usd,
    split.flow_effect_usd,
    split.corporate_action_effect_usd,
    split.residual_usd,
    split.split_reason,

    round(
        cast(daily.btc_held + daily.in_transit_btc as double) / cast(supply.issued_btc as double) * 100, 6
    ) as share_of_supply_pct,
    round(cast(daily.btc_held + daily.in_transit_btc as double) / 21000000 * 100, 6) as share_of_21m_pct,
    supply.issued_btc as supply_btc,
    round(
        cast(daily.aum_usd - daily.highest_aum_usd as double)
        / nullif(cast(daily.highest_aum_usd as double), 0) * 100, 6
    ) as aum_drawdown_pct,
    cast(case when daily.count_21s = 21 then daily.aum_usd - daily.highest_21s_usd end as decimal(18, 2))
        as aum_drawdown_from_21s_high_usd,

    correlations.corr_lag_m3_60s,
    correlations.corr_lag_m2_60s,
    correlations.corr_lag_m1_60s,
    correlations.corr_lag_0_60s,
    correlations.corr_lag_p1_60s,
    correlations.corr_lag_p2_60s,
    correlations.corr_lag_p3_60s,
    correlations.best_lag_sessions,

    daily.funds_listed,
    daily.funds_reported,
    daily.missing_funds,
    daily.is_complete,
    daily.is_provisional,
    daily.total_reason,
    daily.source_ids
from daily
inner join {{ ref('int_sessions') }} as sessions
    on daily.trade_date = sessions.trade_date
inner join {{ ref('int_etf_universe_split') }} as split
    on daily.fund_universe = split.fund_universe and daily.trade_date = split.trade_date
inner join {{ ref('int_etf_price_correlations') }} as correlations
    on daily.fund_universe = correlations.fund_universe and daily.trade_date = correlations.trade_date
left join {{ ref('int_btc_supply') }} as supply
    on sessions.nav_strike_at = supply.asked_at
where
    daily.is_any_reported
    and {{ in_window('daily.trade_date') }}
