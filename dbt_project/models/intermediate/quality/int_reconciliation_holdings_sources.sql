-- One row per fund, session and pair of holdings sources, the better-ranked one as a: bitcoin held after the
-- session, read where each source prints it, `lag_sessions` later for one with a reporting lag.
with prints as (
    select
        listed.fund_id,
        listed.trade_date,
        holdings.source_id,
        holdings.trade_date as printed_on,
        holdings.btc_held,
        holdings.corporate_action_btc,
        holdings.is_estimated,
        coalesce(lags.lag_sessions, 0) as lag_sessions,
        row_number() over (
            partition by listed.fund_id, listed.trade_date
            order by holdings.source_rank nulls last, holdings.source_id
        ) as place
    from {{ ref('int_etf_fund_sessions') }} as listed
    cross join {{ ref('sources') }} as sources
    left join {{ ref('fund_reporting_lags') }} as lags
        on
            sources.source_id = lags.source_id
            and listed.fund_id = lags.fund_id
            and listed.trade_date >= lags.valid_from
            and (lags.valid_to is null or listed.trade_date <= lags.valid_to)
    inner join {{ ref('int_etf_holdings_united') }} as holdings
        on
            listed.fund_id = holdings.fund_id
            and sources.source_id = holdings.source_id
            and listed.session_number + coalesce(lags.lag_sessions, 0) = holdings.session_number
    where sources.rank_holding is not null
)

select
    'etf' as subject,
    'holdings_sources' as check_id,
    a.fund_id as entity_id,
    a.trade_date as observed_on,
    a.source_id as source_a,
    b.source_id as source_b,
    'btc_held' as metric_id,
    'btc' as unit,
    cast(a.btc_held as decimal(38, 8)) as value_a,
    cast(b.btc_held as decimal(38, 8)) as value_b,
    case
        when a.corporate_action_btc <> 0 or b.corporate_action_btc <> 0 then 'spin_off_booked'
        when a.lag_sessions > 0 or b.lag_sessions > 0
            then 'reporting_lag_' || greatest(a.lag_sessions, b.lag_sessions)
        when a.is_estimated or b.is_estimated then 'estimated_holding'
    end as reason,
    a.printed_on as printed_a_on,
    b.printed_on as printed_b_on
from prints as a
inner join prints as b
    on a.fund_id = b.fund_id and a.trade_date = b.trade_date and a.place < b.place
