-- One row per layer, UTC day and measure of all that was posted, as the newest answer says it.
select
    da_layer_id,
    date_day,
    measure,
    value,
    unit,
    source_id,
    run_number
from {{ ref('stg_celenium__da_daily') }}
where is_latest
