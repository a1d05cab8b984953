-- One row per UTC day and run of equal observations of a node's constants at Hiro, as known at as_of.
{{ latest_runs(source('feeds', 'hiro__pox_info'), ["chain_id", "snapshot_on"], [
    "first_burnchain_block_height", "reward_cycle_length", "prepare_phase_block_length", "pox_version",
    "current_cycle", "stacked_ustx",
]) }}
