-- One row per UTC day: its last block, and the bitcoin that the subsidy rule had issued by then.
select
    asset_id,
    cast(asked_at - interval 1 day as date) as date_day,
    asked_at as observed_at,
    height,
    header_at,
    issued_sats,
    issued_btc,
    source_id
from {{ ref('int_btc_supply') }}
where asked_at = date_trunc('day', asked_at)
