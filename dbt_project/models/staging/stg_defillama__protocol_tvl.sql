-- One row per protocol, chain, component, token, instant and run of equal observations in DefiLlama's
-- protocol histories, as known at as_of.
{{ latest_runs(
    source('feeds', 'defillama__protocol_tvl'),
    ["protocol_id", "chain_name", "tvl_component", "token_symbol", "observed_at"],
    ["date_day", "chain_id", "tvl_usd", "token_amount"],
) }}
