-- One row per fund, session and run of equal observations in the widget of CoinShares, as known at as_of.
{{ etf_holding_runs(source('feeds', 'coinshares__etf_holdings')) }}
