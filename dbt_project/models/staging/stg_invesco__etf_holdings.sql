-- One row per fund, session and run of equal observations in Invesco's API, as known at as_of.
{{ etf_holding_runs(source('feeds', 'invesco__etf_holdings')) }}
