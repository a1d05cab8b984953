-- One row per price, column and answer that said otherwise, or no longer said it.
{{ revisions_of(
    tables=['defillama__prices_hourly', 'defillama__prices_daily'],
    subject='market',
    key=['asset_id', 'slot_at'],
    at='slot_at',
    numbers=['slot_sec', 'price_usd', 'confidence_ratio'],
    others=['priced_at'],
    entity='asset_id',
) }}
