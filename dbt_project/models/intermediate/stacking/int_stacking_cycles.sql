-- One row per reward cycle that has begun and that an answer tells of: its bounds, whether it is over, and
-- what all its paying blocks came to. A cycle is from its first paying block to the block before the next
-- one's.
with versions as (
    select
        pox_version,
        first_cycle,
        names_recipients,
        lead(first_cycle) over (order by first_cycle) as next_first_cycle
    from {{ ref('pox_versions') }}
),

told as (
    select cycle_number
    from {{ ref('int_stacking_blocks') }}
    union
    select cycle_number
    from {{ ref('stg_hiro__pox_cycles') }}
    where is_latest
),

reached as (
    select max(height) as height
    from (
        select max(height) as height
        from {{ ref('stg_mempool__block_heights') }}
        union all
        select max(burn_block_height) as height
        from {{ ref('int_stacking_blocks') }}
    ) as heights
),

cycles as (
    select
        told.cycle_number,
        calendar.snapshot_on,
        calendar.first_burnchain_block_height + told.cycle_number * calendar.reward_cycle_length + 1
            as start_height,
        calendar.first_burnchain_block_height + (told.cycle_number + 1) * calendar.reward_cycle_length
            as end_height,
        calendar.reward_phase_length as paying_blocks,
        -- heights are not asked for without end: the node knows it of the cycles before its own
        coalesce(
            reached.height
            >= calendar.first_burnchain_block_height + (told.cycle_number + 1) * calendar.reward_cycle_length,
            false
        ) or told.cycle_number < calendar.current_cycle as is_over,
        calendar.chain_id,
        calendar.source_id
    from told
    cross join {{ ref('int_pox_calendar') }} as calendar
    cross join reached
    where
        told.cycle_number <= calendar.current_cycle
        or reached.height
        > calendar.first_burnchain_block_height + told.cycle_number * calendar.reward_cycle_length
),

paid as (
    select
        cycle_number,
        count(reward_btc) as blocks_covered,
        count(*) filter (where rewards_count > 0) as blocks_paid,
        count(reward_usd_at_payout) as blocks_priced,
        count(block_at) as blocks_timed,
        sum(reward_btc) as reward_btc,
        sum(reward_usd_at_payout) as reward_usd_at_payout,
        sum(burn_btc) as burn_btc,
        list_distinct(flatten(list(price_source_ids))) as price_source_ids
    from {{ ref('int_stacking_blocks') }}
    group by cycle_number
),

recipients as (
    select
        cycle_number,
        count(distinct reward_recipient) as distinct_recipients
    from {{ ref('int_stacking_rewards') }}
    where is_to_stacker
    group by cycle_number
),

days as (
    select
        cycles.cycle_number,
        min(blocks.date_day) as first_known_day,
        max(blocks.date_day) as last_known_day,
        min(blocks.source_id) as time_source_id
    from cycles
    inner join {{ ref('int_burn_blocks') }} as blocks
        on blocks.burn_block_height between cycles.start_height and cycles.end_height
    group by cycles.cycle_number
)

select
    cycles.cycle_number,
    cycles.chain_id,
    cycles.snapshot_on,
    versions.pox_version,
    coalesce(versions.names_recipients, false) as names_recipients,
    cycles.start_height,
    cycles.end_height,
    cycles.end_height + 1 as next_start_height,
    starts.block_at as start_at,
    nexts.block_at as end_at,
    round(cast(date_diff('second', starts.block_at, nexts.block_at) as double) / 86400, 6) as duration_days,
    starts.date_day as first_day,
    ends.date_day as last_day,
    days.first_known_day,
    days.last_known_day,
    cycles.is_over,
    cast(cycles.paying_blocks as integer) as paying_blocks,
    cast(coalesce(paid.blocks_covered, 0) as integer) as blocks_covered,
    coalesce(paid.blocks_covered = cycles.paying_blocks, false) as is_covered,
    cast(coalesce(paid.blocks_paid, 0) as integer) as blocks_paid,
    coalesce(paid.blocks_timed = cycles.paying_blocks, false) as is_timed,
    case
        when paid.blocks_covered = cycles.paying_blocks then try_cast(paid.reward_btc as decimal(18, 8))
    end as reward_btc,
    case
        when paid.blocks_covered = cycles.paying_blocks and paid.blocks_priced = cycles.paying_blocks
            then try_cast(paid.reward_usd_at_payout as decimal(18, 2))
    end as reward_usd_at_payout,
    prices.asset_id as price_asset_id,
    prices.slot_at as end_price_hour_at,
    case
        -- 20 and 18 digits: no product of theirs is too wide
        when paid.blocks_covered = cycles.paying_blocks
            then
                try_cast(
                    try_cast(paid.reward_btc as decimal(20, 8)) * try_cast(prices.price_usd as decimal(18, 8))
                    as decimal(18, 2)
                )
    end as reward_usd_at_cycle_end,
    case
        when paid.blocks_covered = cycles.paying_blocks
            then try_cast(coalesce(paid.burn_btc, 0) as decimal(18, 8))
    end as burn_btc,
    case
        when paid.blocks_covered = cycles.paying_blocks and versions.names_recipients
            then coalesce(recipients.distinct_recipients, 0)
    end as distinct_recipients,
    list_sort(
        list_distinct(
            coalesce(paid.price_source_ids, []) || [cycles.source_id, days.time_source_id, prices.source_id]
        )
    ) as source_ids
from cycles
left join versions
    on
        cycles.cycle_number >= versions.first_cycle
        and (versions.next_first_cycle is null or cycles.cycle_number < versions.next_first_cycle)
left join paid
    on cycles.cycle_number = paid.cycle_number
left join recipients
    on cycles.cycle_number = recipients.cycle_number
left join days
    on cycles.cycle_number = days.cycle_number
left join {{ ref('int_burn_blocks') }} as starts
    on cycles.start_height = starts.burn_block_height
left join {{ ref('int_burn_blocks') }} as ends
    on cycles.end_height = ends.burn_block_height
left join {{ ref('int_burn_blocks') }} as nexts
    on cycles.end_height + 1 = nexts.burn_block_height
left join {{ ref('int_asset_price_at') }} as prices
    on prices.asset_id = 'btc' and date_trunc('hour', nexts.block_at) = prices.slot_at
