-- One row per fund, session and run of equal observations on btcetffundflow.com, as known at as_of.
{{ etf_holding_runs(source('feeds', 'btcetffundflow__etf_holdings')) }}
