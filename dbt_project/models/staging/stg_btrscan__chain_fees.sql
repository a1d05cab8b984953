-- One row per day and run of equal observations in Bitlayer's explorer, as known
-- at as_of.
{{ chain_stat_runs(source('feeds', 'btrscan__chain_fees')) }}
