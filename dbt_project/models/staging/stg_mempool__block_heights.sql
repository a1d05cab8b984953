-- One row per instant that was asked about: the newest Bitcoin block by then, as known at as_of.
select
    asset_id,
    asked_at,
    height,
    block_hash,
    header_at,
    source_id,
    fetch_id,
    locator,
    fetched_at
from {{ source('feeds', 'mempool__block_heights') }}
where fetched_at <= {{ as_of() }}
