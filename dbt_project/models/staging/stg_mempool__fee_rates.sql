-- One row per chain, UTC day and run of equal observations of the fee rate at mempool.space, as known at
-- as_of.
{{ latest_runs(
    source('feeds', 'mempool__fee_rates'), ["chain_id", "date_day"], ["median_feerate_sat_vb", "mean_height"],
) }}
