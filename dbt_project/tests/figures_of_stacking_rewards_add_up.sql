-- A cycle is as long as the calendar says, its amounts are known exactly where all its blocks are, and the
-- next one begins where it ends.
with cycles as (
    select
        rewards.*,
        lag(end_height) over series as previous_end_height,
        lag(end_at) over series as previous_end_at,
        lag(cycle_number) over series as previous_cycle
    from {{ ref('stacking_rewards') }} as rewards
    window series as (order by cycle_number)
)

select
    cycle_number,
    reason
from cycles
where
    blocks_covered > paying_blocks
    or paying_blocks > end_height - start_height + 1
    or (reward_btc is not null) <> (blocks_covered = paying_blocks)
    or (is_complete and reward_btc is null)
    or (not is_complete and reason is null)
    or reward_btc < 0
    or lst_net_stx > lst_total_stx
    or end_at < start_at
    or (previous_cycle + 1 = cycle_number and previous_end_height + 1 <> start_height)
    or (previous_cycle + 1 = cycle_number and previous_end_at <> start_at)
