-- Otherwise the dollars of the day leave out bitcoin: its price of the hour is missing.
{{ config(severity='warn') }}
select
    bridge_id,
    block_number,
    log_index,
    asset_id,
    block_at
from {{ ref('int_bridge_transfers') }}
where is_btc and gross_usd is null and block_at is not null and not is_returned
