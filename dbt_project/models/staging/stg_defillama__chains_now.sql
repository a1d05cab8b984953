-- One row per chain name, day and run of equal observations in DefiLlama's list of chains, as known at
-- as_of.
{{ latest_runs(source('feeds', 'defillama__chains_now'), ["source_name", "snapshot_on"], [
    "chain_id", "evm_chain_id", "token_symbol", "tvl_usd",
]) }}
