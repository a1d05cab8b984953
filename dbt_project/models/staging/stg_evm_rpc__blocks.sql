-- One row per chain and header that was asked for, as known at as_of.
select
    chain_id,
    block_number,
    block_at,
    block_hash,
    parent_hash,
    tx_count,
    gas_used,
    base_fee_wei,
    paid_fees_wei,
    source_id,
    fetch_id,
    locator,
    fetched_at
from {{ source('feeds', 'evm_rpc__blocks') }}
where fetched_at <= {{ as_of() }}
