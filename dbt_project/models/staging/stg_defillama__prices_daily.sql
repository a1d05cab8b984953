-- One row per asset, end of a UTC day and run of equal observations at DefiLlama, as known at as_of.
{{ asset_price_runs(source('feeds', 'defillama__prices_daily')) }}
