-- Otherwise one of them prices another coin, or another instant.
{{ config(severity='warn') }}
select
    entity_id,
    observed_on,
    source_a,
    source_b,
    difference_abs,
    reason
from {{ ref('reconciliation') }}
where check_id = 'asset_price_sources' and not within
