-- Otherwise one of them has a figure that the other has corrected, or a wrong one.
{{ config(severity='warn') }}
select
    entity_id,
    observed_on,
    source_a,
    source_b,
    difference_abs,
    reason
from {{ ref('reconciliation') }}
where check_id = 'flow_sources' and not within
