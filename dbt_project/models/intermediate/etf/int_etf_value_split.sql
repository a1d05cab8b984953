-- One row per fund and session with a holding: why its value changed since the session before.
-- q = bitcoin held, p = strike price, c = corporate action booked; 0 = session before, 1 = this session:
--   price effect            (q0 + q1) / 2 x (p1 - p0)
--   flow effect             (q1 - q0 - c) x (p0 + p1) / 2
--   corporate action effect  c           x (p0 + p1) / 2
-- each to the cent, and the residual is what is left of the change.
with sides as (
    select
        holdings.fund_id,
        holdings.trade_date,
        listed.previous_trade_date,
        holdings.btc_held as q1,
        holdings.aum_usd as aum1,
        holdings.strike_price_usd as p1,
        strike_before.strike_price_usd as p0,
        booked.corporate_action_btc as c,
        case
            when listed.fund_session_number > 1 then before.btc_held
            when listed.starts_empty then 0
        end as q0,
        case
            when listed.fund_session_number > 1 then before.aum_usd
            when listed.starts_empty then 0
        end as aum0,
        listed.fund_session_number = 1 as is_first_session,
        before.source_id <> holdings.source_id as is_source_switch
    from {{ ref('int_etf_holdings_valued') }} as holdings
    inner join {{ ref('int_etf_holdings_ranked') }} as booked
        on holdings.fund_id = booked.fund_id and holdings.trade_date = booked.trade_date
    inner join {{ ref('int_etf_fund_sessions') }} as listed
        on holdings.fund_id = listed.fund_id and holdings.trade_date = listed.trade_date
    left join {{ ref('int_etf_holdings_valued') }} as before
        on holdings.fund_id = before.fund_id and holdings.session_number - 1 = before.session_number
    left join {{ ref('int_etf_strike_price') }} as strike_before
        on listed.previous_trade_date = strike_before.trade_date
),

judged as (
    select
        fund_id,
        trade_date,
        previous_trade_date,
        aum1 - aum0 as aum_change_usd,
        case
            when q0 is null and is_first_session then 'first_session'
            when is_source_switch then 'source_switch'
            when q0 is null then 'session_missing'
            when p0 is null or p1 is null then 'no_strike_price'
            when aum0 is null or aum1 is null then 'aum_missing'
        end as split_reason,
        -- a product of two DECIMAL(18, x) stays 18 digits wide unless one is widened; a division is a DOUBLE
        cast(cast(q0 + q1 as decimal(30, 8)) * 0.5 * (p1 - p0) as decimal(18, 2)) as price_effect_usd,
        cast(cast(q1 - q0 - c as decimal(30, 8)) * (p0 + p1) * 0.5 as decimal(18, 2)) as flow_effect_usd,
        cast(cast(c as decimal(30, 8)) * (p0 + p1) * 0.5 as decimal(18, 2)) as corporate_action_effect_usd
    from sides
)

select
    fund_id,
    trade_date,
    previous_trade_date,
    cast(case when split_reason is null then aum_change_usd end as decimal(18, 2)) as aum_change_usd,
    case when split_reason is null then price_effect_usd end as price_effect_usd,
    case when split_reason is null then flow_effect_usd end as flow_effect_usd,
    case when split_reason is null then corporate_action_effect_usd end as corporate_action_effect_usd,
    cast(
        case
            when split_reason is null
                then aum_change_usd - price_effect_usd - flow_effect_usd - corporate_action_effect_usd
        end as decimal(18, 2)
    ) as residual_usd,
    split_reason
from judged
