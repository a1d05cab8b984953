-- One row per level of a chain, column and answer that said otherwise, or no longer said it.
{{ revisions_of(
    tables=['defillama__chain_tvl'],
    subject='tvl',
    key=['chain_id', 'tvl_definition', 'observed_at'],
    at='observed_at',
    numbers=['tvl_usd'],
    others=['date_day', 'source_name'],
    entity='chain_id',
) }}
