-- One row per fund, quarter end with a filing, and holdings source: bitcoin held after the last session at or
-- before it, read where the source prints it, `lag_sessions` later for one with a reporting lag.
with ends as (
    select
        filings.fund_id,
        filings.period_end,
        filings.source_id,
        filings.btc_held,
        max(sessions.trade_date) as ended_on,
        max(sessions.session_number) as session_number
    from {{ ref('int_etf_quarter_ends') }} as filings
    inner join {{ ref('int_sessions') }} as sessions
        on filings.period_end >= sessions.trade_date
    group by filings.fund_id, filings.period_end, filings.source_id, filings.btc_held
)

select
    'etf' as subject,
    'holdings_against_filing' as check_id,
    ends.fund_id as entity_id,
    ends.period_end as observed_on,
    ends.source_id as source_a,
    holdings.source_id as source_b,
    'btc_held' as metric_id,
    'btc' as unit,
    cast(ends.btc_held as decimal(38, 8)) as value_a,
    cast(holdings.btc_held as decimal(38, 8)) as value_b,
    case
        when lags.lag_sessions > 0 then 'reporting_lag_' || lags.lag_sessions
        when holdings.is_estimated then 'estimated_holding'
    end as reason,
    holdings.trade_date as printed_on
from ends
cross join {{ ref('sources') }} as sources
left join {{ ref('fund_reporting_lags') }} as lags
    on
        sources.source_id = lags.source_id
        and ends.fund_id = lags.fund_id
        and ends.ended_on >= lags.valid_from
        and (lags.valid_to is null or ends.ended_on <= lags.valid_to)
inner join {{ ref('int_etf_holdings_united') }} as holdings
    on
        ends.fund_id = holdings.fund_id
        and sources.source_id = holdings.source_id
        and ends.session_number + coalesce(lags.lag_sessions, 0) = holdings.session_number
where sources.rank_holding is not null
