-- One row per chain, day and run of equal observations in DefiLlama's fees, as known
-- at as_of.
{{ chain_stat_runs(source('feeds', 'defillama__chain_fees')) }}
