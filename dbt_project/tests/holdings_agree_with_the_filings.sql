-- After the last session at or before the quarter end.
{{ config(severity='warn') }}
select
    entity_id,
    observed_on,
    source_a,
    source_b,
    difference_abs,
    reason
from {{ ref('reconciliation') }}
where check_id = 'holdings_against_filing' and not within
