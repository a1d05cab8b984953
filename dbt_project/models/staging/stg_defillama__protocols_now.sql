-- One row per protocol, chain, day and run of equal observations in DefiLlama's list of protocols, as known
-- at as_of.
{{ latest_runs(source('feeds', 'defillama__protocols_now'), ["protocol_slug", "chain_name", "snapshot_on"], [
    "chain_id", "protocol_name", "category", "parent_slug", "tvl_usd",
]) }}
