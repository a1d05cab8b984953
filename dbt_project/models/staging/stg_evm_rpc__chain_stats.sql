-- One row per chain, measure and period that was counted from whole blocks, as known at as_of.
select
    chain_id,
    metric_id,
    source_metric,
    period,
    period_start,
    value,
    unit,
    definition,
    source_id,
    fetch_id,
    locator,
    fetched_at
from {{ source('feeds', 'evm_rpc__chain_stats') }}
where fetched_at <= {{ as_of() }}
