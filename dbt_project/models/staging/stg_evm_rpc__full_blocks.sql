-- One row per chain and whole block that was asked for, as known at as_of.
select
    chain_id,
    block_number,
    block_at,
    block_hash,
    parent_hash,
    tx_count,
    operational_tx_count,
    senders_count,
    contracts_created,
    gas_used,
    paid_fees_wei,
    source_id,
    fetch_id,
    locator,
    fetched_at
from {{ source('feeds', 'evm_rpc__full_blocks') }}
where fetched_at <= {{ as_of() }}
