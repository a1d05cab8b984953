-- Otherwise payments of blocks are missing that were taken for covered.
{{ config(severity='warn') }}
select
    entity_id,
    observed_on,
    value_a,
    value_b
from {{ ref('reconciliation') }}
where check_id = 'rewards_vs_paying_blocks' and not within
