-- Five days after its strike a session lacks no total, in any universe.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'etf_market_daily'}}}) }}
select
    fund_universe,
    trade_date,
    total_reason
from {{ ref('etf_market_daily') }}
where
    total_reason is not null
    and nav_strike_at + interval 5 day < {{ as_of() }}
