-- Otherwise an event of the peg is missing, or coins move past its events.
{{ config(severity='warn') }}
select
    entity_id,
    observed_on,
    source_a,
    source_b,
    difference_abs,
    reason
from {{ ref('reconciliation') }}
where check_id = 'peg_supply_vs_bridge_net' and not within
