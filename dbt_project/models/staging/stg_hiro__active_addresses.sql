-- One row per transaction of Stacks and run of equal observations in Hiro's API, as known at as_of.
{{ latest_runs(source('feeds', 'hiro__active_addresses'), ["chain_id", "tx_id"], [
    "block_number", "block_at", "date_day", "address", "tx_kind", "status", "fee_ustx",
]) }}
