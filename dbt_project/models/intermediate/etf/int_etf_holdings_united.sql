-- One row per holdings source, listed fund and session: what the source prints at as_of, and how that
-- differs from what it prints for the session before (0, before the first session of a fund that starts
-- empty).
{% set feeds = ['stg_btcetffundflow__etf_holdings'] %}
{% set columns = [
    'source_id', 'fund_id', 'trade_date', 'btc_held', 'aum_usd', 'nav_per_share_usd',
    'shares_outstanding', 'is_estimated', 'run_number', 'is_latest',
] %}
with observations as (
    {{ union_feeds(feeds, columns) }}
),

printed as (
    select
        latest.*,
        listed.session_number,
        listed.fund_session_number,
        listed.starts_empty,
        sources.rank_holding as source_rank,
        row_number() over source_series as print_number,
        lag(listed.session_number) over source_series as earlier_session_number,
        lag(latest.trade_date) over source_series as earlier_trade_date,
        lag(latest.run_number) over source_series as earlier_run_number,
        lag(latest.btc_held) over source_series as earlier_btc_held
    from observations as latest
    inner join {{ ref('int_etf_fund_sessions') }} as listed
        on latest.fund_id = listed.fund_id and latest.trade_date = listed.trade_date
    left join {{ ref('sources') }} as sources
        on latest.source_id = sources.source_id
    where latest.is_latest and latest.btc_held is not null
    window source_series as (
        partition by latest.source_id, latest.fund_id order by listed.session_number
    )
),

booked as (
    select
        source_id,
        fund_id,
        booked_on,
        sum(btc_amount) as btc_amount
    from {{ ref('int_etf_corporate_actions') }}
    group by source_id, fund_id, booked_on
),

compared as (
    select
        printed.*,
        coalesce(earlier_session_number = session_number - 1, false) as has_session_before,
        case
            when earlier_session_number = session_number - 1 then earlier_btc_held
            when fund_session_number = 1 and starts_empty then 0
        end as previous_btc_held,
        coalesce(booked.btc_amount, 0) as corporate_action_btc,
        count(*) over (
            partition by printed.source_id, printed.fund_id, session_number - print_number
        ) as run_sessions
    from printed
    left join booked
        on
            printed.source_id = booked.source_id
            and printed.fund_id = booked.fund_id
            and printed.trade_date = booked.booked_on
)

select
    source_id,
    fund_id,
    trade_date,
    session_number,
    source_rank,
    cast(print_number as integer) as print_number,
    cast(run_sessions as integer) as run_sessions,
    btc_held,
    cast(btc_held - previous_btc_held as decimal(18, 8)) as btc_held_change,
    cast(corporate_action_btc as decimal(18, 8)) as corporate_action_btc,
    aum_usd,
    nav_per_share_usd,
    shares_outstanding,
    is_estimated,
    run_number,
    case when has_session_before then earlier_trade_date end as previous_trade_date,
    case when has_session_before then earlier_run_number end as previous_run_number
from compared
