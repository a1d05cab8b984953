-- One row per end of a UTC day: the newest block of Stacks by then in Hiro's API, as known at as_of.
select
    chain_id,
    asked_at,
    stacks_height,
    index_block_hash,
    block_at,
    burn_block_height,
    source_id,
    fetch_id,
    locator,
    fetched_at
from {{ source('feeds', 'hiro__stacks_blocks') }}
where fetched_at <= {{ as_of() }}
