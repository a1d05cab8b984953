-- One row per fund, session and run of equal observations in Franklin Templeton's API, as known at as_of.
{{ etf_holding_runs(source('feeds', 'franklin__etf_holdings')) }}
