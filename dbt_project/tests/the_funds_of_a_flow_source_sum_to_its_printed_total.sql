-- Otherwise a column is missing or shifted, or the source corrected the one and not the other.
{{ config(severity='warn') }}
select
    entity_id,
    observed_on,
    source_a,
    source_b,
    difference_abs,
    reason
from {{ ref('reconciliation') }}
where check_id = 'flow_row_sum' and not within
