-- One row per fund, session and run of equal observations in the file of iShares, as known at as_of.
{{ etf_holding_runs(source('feeds', 'ishares__etf_holdings')) }}
