-- One row per log of the bridges' contracts, as the node gave it and as known at as_of.
select
    chain_id,
    block_number,
    log_index,
    log_set_id,
    tx_hash,
    tx_index,
    block_hash,
    contract_address,
    topic0,
    topic1,
    topic2,
    topic3,
    data,
    block_at,
    source_id,
    fetch_id,
    locator,
    fetched_at
from {{ source('feeds', 'evm_rpc__logs') }}
where fetched_at <= {{ as_of() }}
