-- One row per fund, session and run of equal observations in VanEck's holdings block, as known at as_of.
{{ etf_holding_runs(source('feeds', 'vaneck__etf_holdings')) }}
