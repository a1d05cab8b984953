-- One row per measure of a layer and day, column and answer that said otherwise, or no longer said it. Each
-- series is asked for by itself.
{{ revisions_of(
    tables=['celenium__da_daily'],
    subject='da',
    key=['da_layer_id', 'date_day', 'measure'],
    at='date_day',
    numbers=['value'],
    others=['unit'],
    entity='da_layer_id',
    by_question=true,
) }}
