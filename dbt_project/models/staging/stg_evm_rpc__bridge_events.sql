-- One row per transfer that a bridge announced on its chain, as known at as_of.
select
    chain_id,
    block_number,
    log_index,
    bridge_id,
    event_name,
    direction,
    transfer_id,
    amount_raw,
    fee_raw,
    raw_unit,
    raw_decimals,
    amount_text,
    is_overflow,
    token_address,
    account_evm,
    account_btc,
    btc_txid,
    btc_vout,
    tx_hash,
    block_at,
    source_id,
    fetch_id,
    locator,
    fetched_at
from {{ source('feeds', 'evm_rpc__bridge_events') }}
where fetched_at <= {{ as_of() }}
