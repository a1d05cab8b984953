-- One row per reward cycle, signer, column and answer that said otherwise. It is of the day that told it
-- first.
{{ revisions_of(
    tables=['hiro__pox_signers'],
    subject='stacking',
    key=['chain_id', 'cycle_number', 'signing_key'],
    at='cast(fetched_at as date)',
    numbers=['weight', 'stacked_ustx', 'solo_count', 'pooled_count'],
    others=['signer_address'],
    entity='chain_id',
) }}
