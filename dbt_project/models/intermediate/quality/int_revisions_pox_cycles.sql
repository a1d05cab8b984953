-- One row per reward cycle, column and answer that said otherwise. A cycle is of the day that told it first.
{{ revisions_of(
    tables=['hiro__pox_cycles'],
    subject='stacking',
    key=['chain_id', 'cycle_number'],
    at='cast(fetched_at as date)',
    numbers=['anchor_stacks_height', 'total_stacked_ustx', 'total_weight', 'total_signers'],
    others=[],
    entity='chain_id',
) }}
