-- One row per holdings source, listed fund and session: what the source prints at as_of, the corporate action
-- that it books there, and the unbroken run of sessions that the print belongs to.
{% set feeds = [
    'stg_ishares__etf_holdings', 'stg_ark__etf_holdings', 'stg_bitwise__etf_holdings', 'stg_vaneck__etf_holdings',
    'stg_franklin__etf_holdings', 'stg_invesco__etf_holdings', 'stg_coinshares__etf_holdings',
    'stg_btcetffundflow__etf_holdings',
] %}
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
        sources.rank_holding as source_rank,
        row_number() over (
            partition by latest.source_id, latest.fund_id order by listed.session_number
        ) as print_number
    from observations as latest
    inner join {{ ref('int_etf_fund_sessions') }} as listed
        on latest.fund_id = listed.fund_id and latest.trade_date = listed.trade_date
    left join {{ ref('sources') }} as sources
        on latest.source_id = sources.source_id
    where latest.is_latest and latest.btc_held is not null
),

booked as (
    select
        source_id,
        fund_id,
        booked_on,
        sum(btc_amount) as btc_amount
    from {{ ref('int_etf_corporate_actions') }}
    group by source_id, fund_id, booked_on
)

select
    printed.source_id,
    printed.fund_id,
    printed.trade_date,
    printed.session_number,
    printed.source_rank,
    cast(printed.print_number as integer) as print_number,
    cast(
        count(*) over (
            partition by printed.source_id, printed.fund_id, printed.session_number - printed.print_number
        ) as integer
    ) as run_sessions,
    printed.btc_held,
    cast(coalesce(booked.btc_amount, 0) as decimal(18, 8)) as corporate_action_btc,
    printed.aum_usd,
    printed.nav_per_share_usd,
    printed.shares_outstanding,
    printed.is_estimated,
    printed.run_number
from printed
left join booked
    on
        printed.source_id = booked.source_id
        and printed.fund_id = booked.fund_id
        and printed.trade_date = booked.booked_on
