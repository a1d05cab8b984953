-- One row per chain, definition, instant and run of equal observations in DefiLlama's histories, as known
-- at as_of.
{{ latest_runs(source('feeds', 'defillama__chain_tvl'), ["chain_id", "tvl_definition", "observed_at"], [
    "date_day", "tvl_usd", "source_name",
]) }}
