-- One row per payment of bitcoin to a stacker of Stacks in Hiro's API, as known at as_of.
select
    burn_block_hash,
    reward_index,
    chain_id,
    burn_block_height,
    reward_recipient,
    reward_sats,
    burn_sats,
    is_canonical,
    source_id,
    fetch_id,
    locator,
    fetched_at
from {{ source('feeds', 'hiro__burnchain_rewards') }}
where fetched_at <= {{ as_of() }}
