-- One row per reward cycle and run of equal observations in Hiro's API, as known at as_of.
{{ latest_runs(source('feeds', 'hiro__pox_cycles'), ["chain_id", "cycle_number"], [
    "anchor_stacks_height", "total_stacked_ustx", "total_weight", "total_signers",
]) }}
