-- One row per listed rollup and day of the list, column and answer that said otherwise, or no longer said it.
{{ revisions_of(
    tables=['bvm__rollups'],
    subject='raas',
    key=['rollup_slug', 'snapshot_on'],
    at='snapshot_on',
    numbers=['block_number', 'tps', 'tvl_btc'],
    others=[
        'da_name', 'evm_chain_id', 'last_block_at', 'layer_level', 'provider', 'rollup_id', 'rollup_name',
        'settlement_name', 'stack',
    ],
    entity='rollup_slug',
) }}
