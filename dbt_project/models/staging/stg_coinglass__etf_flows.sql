-- One row per fund, session and run of equal observations in CoinGlass's API, as known at as_of.
{{ etf_flow_runs(source('feeds', 'coinglass__etf_flows')) }}
