-- One row per chain and header that was asked for beside the base fees, as known at as_of.
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
from {{ source('feeds', 'ethereum_rpc__blocks') }}
where fetched_at <= {{ as_of() }}
