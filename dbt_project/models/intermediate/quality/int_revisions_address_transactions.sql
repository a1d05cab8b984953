-- One row per transaction, column and answer that said otherwise.
{{ revisions_of(
    tables=['hiro__active_addresses'],
    subject='activity',
    key=['chain_id', 'tx_id'],
    at='date_day',
    numbers=['block_number', 'fee_ustx'],
    others=['block_at', 'date_day', 'address', 'tx_kind', 'status'],
    entity='chain_id',
) }}
