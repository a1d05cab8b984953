-- One row per protocol on a chain and day, column and answer that said otherwise, or no longer said it.
{{ revisions_of(
    tables=['defillama__protocols_now'],
    subject='tvl',
    key=['protocol_slug', 'chain_name', 'snapshot_on'],
    at='snapshot_on',
    numbers=['tvl_usd'],
    others=['chain_id', 'protocol_name', 'category', 'parent_slug'],
    entity='protocol_slug',
    covered_by='chain_id',
) }}
