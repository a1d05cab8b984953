-- One row per reward cycle, signer and run of equal observations in Hiro's API, as known at as_of.
{{ latest_runs(source('feeds', 'hiro__pox_signers'), ["chain_id", "cycle_number", "signing_key"], [
    "signer_address", "weight", "stacked_ustx", "solo_count", "pooled_count",
]) }}
