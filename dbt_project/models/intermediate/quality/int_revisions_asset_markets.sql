-- One row per asset and day, column and answer that said otherwise, or no longer said it.
{{ revisions_of(
    tables=['coinmetrics__asset_market', 'coingecko__asset_market'],
    subject='market',
    key=['asset_id', 'observed_at'],
    at='observed_at',
    numbers=['price_usd', 'market_cap_usd', 'circulating_supply', 'volume_24h_usd'],
    others=['date_day', 'source_status'],
    entity='asset_id',
) }}
