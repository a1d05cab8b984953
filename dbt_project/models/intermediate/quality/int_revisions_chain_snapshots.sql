-- One row per chain of a list and day, column and answer that said otherwise, or no longer said it.
{{ revisions_of(
    tables=['defillama__chains_now'],
    subject='tvl',
    key=['source_name', 'snapshot_on'],
    at='snapshot_on',
    numbers=['tvl_usd'],
    others=['chain_id', 'evm_chain_id', 'token_symbol'],
    entity='source_name',
    covered_by='chain_id',
) }}
