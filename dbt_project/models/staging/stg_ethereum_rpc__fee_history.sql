-- One row per chain and block whose base fees were asked for, as known at as_of.
select
    chain_id,
    block_number,
    base_fee_wei,
    blob_base_fee_wei,
    gas_used_ratio,
    blob_gas_used_ratio,
    source_id,
    fetch_id,
    locator,
    fetched_at
from {{ source('feeds', 'ethereum_rpc__fee_history') }}
where fetched_at <= {{ as_of() }}
