-- One row per block of Stacks after which the supply of STX was asked for in Hiro's API, as known at as_of.
select
    asset_id,
    block_height,
    circulating_supply,
    total_supply,
    source_id,
    fetch_id,
    locator,
    fetched_at
from {{ source('feeds', 'hiro__stx_supply') }}
where fetched_at <= {{ as_of() }}
