-- Otherwise the price is of another instant than the strike.
{{ config(severity='warn') }}
select
    entity_id,
    observed_on,
    source_a,
    source_b,
    difference_abs,
    reason
from {{ ref('reconciliation') }}
where check_id = 'strike_price' and not within
