-- One row per rollup in BVM's list, UTC day and run of equal observations, as known at as_of.
{{ latest_runs(
    source('feeds', 'bvm__rollups'),
    ["rollup_slug", "snapshot_on"],
    [
        "rollup_id", "rollup_name", "evm_chain_id", "provider", "stack", "da_name", "settlement_name",
        "layer_level", "tvl_btc", "tps", "block_number", "last_block_at",
    ],
) }}
