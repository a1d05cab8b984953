-- Otherwise the height is of another instant, or the source counts other coins.
{{ config(severity='warn') }}
select
    entity_id,
    observed_on,
    source_a,
    source_b,
    difference_abs,
    reason
from {{ ref('reconciliation') }}
where check_id = 'btc_supply' and not within
