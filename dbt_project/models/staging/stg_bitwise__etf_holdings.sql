-- One row per fund, session and run of equal observations on Bitwise's page, as known at as_of.
{{ etf_holding_runs(source('feeds', 'bitwise__etf_holdings')) }}
