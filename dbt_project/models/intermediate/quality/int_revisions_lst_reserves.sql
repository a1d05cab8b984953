-- One row per protocol, block of Stacks, measure, column and answer that said otherwise. It is of the day
-- that told it first.
{{ revisions_of(
    tables=['hiro__lst_reserves'],
    subject='stacking',
    key=['protocol_id', 'index_block_hash', 'measure'],
    at='cast(fetched_at as date)',
    numbers=['amount_ustx'],
    others=[],
    entity='protocol_id',
) }}
