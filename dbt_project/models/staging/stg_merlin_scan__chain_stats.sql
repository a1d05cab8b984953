-- One row per series, period and run of equal observations in Merlin's explorer, as known
-- at as_of.
{{ chain_stat_runs(source('feeds', 'merlin_scan__chain_stats')) }}
