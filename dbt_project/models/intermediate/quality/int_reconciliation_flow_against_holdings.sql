-- One row per fund, session with a reported flow, and holdings source that prints both ends: the flow against
-- the bitcoin that came in. The source prints it `lag_sessions` later; a corporate action booked there is no
-- flow. The price is the strike price of the flow's session. The first print of a fund that starts empty, if
-- not later than the lag explains, is its first flow.
with flows as (
    select
        listed.fund_id,
        listed.trade_date,
        listed.session_number,
        listed.fund_session_number = 1 and listed.starts_empty as is_from_nothing,
        flows.source_id,
        flows.net_flow_usd,
        flows.is_provisional,
        strike.strike_price_usd
    from {{ ref('int_etf_flows_ranked') }} as flows
    inner join {{ ref('int_etf_fund_sessions') }} as listed
        on flows.fund_id = listed.fund_id and flows.trade_date = listed.trade_date
    inner join {{ ref('int_etf_strike_price') }} as strike
        on flows.trade_date = strike.trade_date
    where flows.flow_basis = 'reported' and strike.strike_price_usd is not null
),

prints as (
    select
        flows.*,
        holdings.source_id as holdings_source_id,
        coalesce(lags.lag_sessions, 0) as lag_sessions,
        holdings.trade_date as printed_on,
        before.trade_date as printed_before_on,
        holdings.corporate_action_btc,
        holdings.is_estimated or coalesce(before.is_estimated, false) as is_estimated,
        holdings.btc_held - holdings.corporate_action_btc - case
            when before.fund_id is not null then before.btc_held
            when flows.is_from_nothing and holdings.print_number = 1 then 0
        end as net_flow_btc
    from flows
    cross join {{ ref('sources') }} as sources
    left join {{ ref('fund_reporting_lags') }} as lags
        on
            sources.source_id = lags.source_id
            and flows.fund_id = lags.fund_id
            and flows.trade_date >= lags.valid_from
            and (lags.valid_to is null or flows.trade_date <= lags.valid_to)
    inner join {{ ref('int_etf_holdings_united') }} as holdings
        on
            flows.fund_id = holdings.fund_id
            and sources.source_id = holdings.source_id
            and flows.session_number + coalesce(lags.lag_sessions, 0) = holdings.session_number
    left join {{ ref('int_etf_holdings_united') }} as before
        on
            holdings.source_id = before.source_id
            and holdings.fund_id = before.fund_id
            and holdings.session_number - 1 = before.session_number
    where sources.rank_holding is not null
)

select
    'etf' as subject,
    'flow_against_holdings' as check_id,
    fund_id as entity_id,
    trade_date as observed_on,
    source_id as source_a,
    holdings_source_id as source_b,
    'net_flow_usd' as metric_id,
    'usd' as unit,
    cast(net_flow_usd as decimal(38, 8)) as value_a,
    -- a product of two DECIMAL(18, x) stays 18 digits wide unless one of them is widened first
    cast(
        cast(cast(net_flow_btc as decimal(30, 8)) * strike_price_usd as decimal(18, 2)) as decimal(38, 8)
    ) as value_b,
    case
        when is_provisional then 'provisional'
        when corporate_action_btc <> 0 then 'spin_off_booked'
        when lag_sessions > 0 then 'reporting_lag_' || lag_sessions
        when is_estimated then 'estimated_holding'
    end as reason,
    printed_on,
    printed_before_on
from prints
where net_flow_btc is not null
