-- One row per day's fee rate, column and answer that said otherwise, or no longer said it.
{{ revisions_of(
    tables=['mempool__fee_rates'],
    subject='da',
    key=['chain_id', 'date_day'],
    at='date_day',
    numbers=['median_feerate_sat_vb', 'mean_height'],
    others=[],
    entity='chain_id',
) }}
