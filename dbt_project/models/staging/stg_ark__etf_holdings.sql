-- One row per fund, session and run of equal observations in the file of ARK Invest, as known at as_of.
{{ etf_holding_runs(source('feeds', 'ark__etf_holdings')) }}
