-- Otherwise one of them counts something else, or has not seen all of the chain.
{{ config(severity='warn') }}
select
    entity_id,
    observed_on,
    source_a,
    source_b,
    difference_abs,
    reason
from {{ ref('reconciliation') }}
where check_id = 'chain_stat_vs_second_source' and not within
