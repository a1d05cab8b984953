-- One row per measure of a rollup and day, column and answer that said otherwise, or no longer said it. Each
-- series is asked for by itself.
{{ revisions_of(
    tables=['celenium__da_namespaces'],
    subject='da',
    key=['da_layer_id', 'rollup_id', 'date_day', 'measure'],
    at='date_day',
    numbers=['value'],
    others=['namespace_id', 'rollup_slug', 'unit'],
    entity='rollup_id',
    by_question=true,
) }}
