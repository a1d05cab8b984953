-- One row: the constants that cycles are counted with, as a node said them last before as_of.
select
    chain_id,
    snapshot_on,
    first_burnchain_block_height,
    reward_cycle_length,
    reward_cycle_length - prepare_phase_block_length as reward_phase_length,
    current_cycle,
    source_id,
    run_number
from {{ ref('stg_hiro__pox_info') }}
where is_latest
qualify row_number() over (order by snapshot_on desc, chain_id asc) = 1
