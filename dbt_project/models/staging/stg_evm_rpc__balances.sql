-- One row per chain, account and block after which its balance was asked for, as known at as_of.
select
    chain_id,
    account,
    block_number,
    balance_wei,
    block_at,
    source_id,
    fetch_id,
    locator,
    fetched_at
from {{ source('feeds', 'evm_rpc__balances') }}
where fetched_at <= {{ as_of() }}
