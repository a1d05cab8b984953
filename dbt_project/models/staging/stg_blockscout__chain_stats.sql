-- One row per chain, series, period and run of equal observations in Blockscout's lines, as known
-- at as_of.
{{ chain_stat_runs(source('feeds', 'blockscout__chain_stats')) }}
