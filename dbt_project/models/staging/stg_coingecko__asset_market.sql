-- One row per asset, UTC day and run of equal observations at CoinGecko, as known at as_of.
{{ asset_market_runs(source('feeds', 'coingecko__asset_market')) }}
