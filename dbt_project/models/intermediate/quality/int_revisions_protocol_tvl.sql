-- One row per level of a protocol, column and answer that said otherwise, or no longer said it.
{{ revisions_of(
    tables=['defillama__protocol_tvl'],
    subject='tvl',
    key=['protocol_id', 'chain_name', 'tvl_component', 'token_symbol', 'observed_at'],
    at='observed_at',
    numbers=['tvl_usd', 'token_amount'],
    others=['date_day', 'chain_id'],
    entity='protocol_id',
) }}
