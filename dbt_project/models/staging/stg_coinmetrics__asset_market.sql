-- One row per asset, UTC day and run of equal observations at Coin Metrics, as known at as_of.
{{ asset_market_runs(source('feeds', 'coinmetrics__asset_market')) }}
