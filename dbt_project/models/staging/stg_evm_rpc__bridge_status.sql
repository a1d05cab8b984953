-- One row per event that says what became of a transfer, as known at as_of.
select
    chain_id,
    block_number,
    log_index,
    bridge_id,
    transfer_id,
    status,
    block_at,
    source_id,
    fetch_id,
    locator,
    fetched_at
from {{ source('feeds', 'evm_rpc__bridge_status') }}
where fetched_at <= {{ as_of() }}
