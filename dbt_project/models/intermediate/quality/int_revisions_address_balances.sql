-- One row per address and day, column and answer that said otherwise, or no longer said it.
{{ revisions_of(
    tables=['mempool__address_balances'],
    subject='tvl',
    key=['address', 'snapshot_on'],
    at='snapshot_on',
    numbers=['funded_sats', 'spent_sats'],
    others=[],
    entity='address',
) }}
