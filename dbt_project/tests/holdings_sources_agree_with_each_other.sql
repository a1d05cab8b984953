-- Otherwise one of them prints another date than it says, or a wrong figure.
{{ config(severity='warn') }}
select
    entity_id,
    observed_on,
    source_a,
    source_b,
    difference_abs,
    reason
from {{ ref('reconciliation') }}
where check_id = 'holdings_sources' and not within
