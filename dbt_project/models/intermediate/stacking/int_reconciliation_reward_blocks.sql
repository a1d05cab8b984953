-- One row per reward cycle whose blocks are all covered: how many of them the calendar says pay stackers, and
-- how many did.
select
    'stacking' as subject,
    'rewards_vs_paying_blocks' as check_id,
    chain_id as entity_id,
    last_day as observed_on,
    'pox_calendar' as source_a,
    'hiro_burnchain_rewards' as source_b,
    'paying_blocks' as metric_id,
    'count' as unit,
    cast(paying_blocks as decimal(38, 8)) as value_a,
    cast(blocks_paid as decimal(38, 8)) as value_b,
    cast(null as varchar) as reason,
    cycle_number
from {{ ref('int_stacking_cycles') }}
where is_over and is_covered and last_day is not null
