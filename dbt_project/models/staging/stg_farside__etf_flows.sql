-- One row per run of equal observations of a fund and session on Farside's pages, as known at as_of.
select
    fund_id,
    trade_date,
    net_flow_usd,
    net_flow_btc,
    flow_basis,
    printed_total_usd,
    is_provisional,
    source_id,
    fetch_id,
    locator,
    fetched_at,
    run_number,
    least(last_seen_at, {{ as_of() }}) as last_seen_at,
    case when last_seen_at <= {{ as_of() }} then last_fetch_id end as last_fetch_id,
    row_number() over (partition by fund_id, trade_date order by run_number desc) = 1 as is_latest
from {{ source('feeds', 'farside__etf_flows') }}
where fetched_at <= {{ as_of() }}
