-- One row per Bitcoin address, UTC day and run of equal observations at mempool.space, as known at as_of.
{{ latest_runs(
    source('feeds', 'mempool__address_balances'), ["address", "snapshot_on"], ["funded_sats", "spent_sats"]
) }}
