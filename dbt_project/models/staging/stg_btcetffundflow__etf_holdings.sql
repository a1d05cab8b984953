-- One row per run of equal observations of a fund and session on btcetffundflow.com, as known at as_of.
select
    fund_id,
    trade_date,
    btc_held,
    aum_usd,
    nav_per_share_usd,
    shares_outstanding,
    is_estimated,
    source_id,
    fetch_id,
    locator,
    fetched_at,
    run_number,
    least(last_seen_at, {{ as_of() }}) as last_seen_at,
    case when last_seen_at <= {{ as_of() }} then last_fetch_id end as last_fetch_id,
    row_number() over (partition by fund_id, trade_date order by run_number desc) = 1 as is_latest
from {{ source('feeds', 'btcetffundflow__etf_holdings') }}
where fetched_at <= {{ as_of() }}
