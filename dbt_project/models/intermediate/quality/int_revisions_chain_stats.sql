-- One row per figure of a chain, column and answer that said otherwise, or no longer said it. Each series is
-- asked for by itself.
{{ revisions_of(
    tables=[
        'blockscout__chain_stats', 'merlin_scan__chain_stats', 'btrscan__chain_fees', 'defillama__chain_fees',
    ],
    subject='activity',
    key=['chain_id', 'metric_id', 'source_metric', 'period', 'period_start'],
    at='period_start',
    numbers=['value'],
    others=['definition', 'unit'],
    entity='chain_id',
    by_question=true,
) }}
