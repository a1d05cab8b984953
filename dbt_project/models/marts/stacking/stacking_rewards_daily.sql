-- One row per UTC day between the first and the last with a paying block that an answer covers: what its
-- blocks paid to stackers.
with days as (
    select
        blocks.date_day,
        max(blocks.burn_block_height) as last_height,
        count(*) filter (
            where (blocks.burn_block_height - calendar.first_burnchain_block_height)
            % calendar.reward_cycle_length between 1 and calendar.reward_phase_length
        ) as paying_blocks,
        count(paid.reward_btc) as blocks_covered,
        count(paid.reward_usd_at_payout) as blocks_priced,
        sum(paid.reward_btc) as reward_btc,
        sum(paid.reward_usd_at_payout) as reward_usd_at_payout,
        coalesce(list_distinct(flatten(list(paid.price_source_ids))), [])
        || [min(blocks.source_id), min(calendar.source_id)] as source_ids
    from {{ ref('int_burn_blocks') }} as blocks
    cross join {{ ref('int_pox_calendar') }} as calendar
    left join {{ ref('int_stacking_blocks') }} as paid
        on blocks.burn_block_height = paid.burn_block_height
    group by blocks.date_day
),

bounds as (
    select
        min(date_day) as first_day,
        max(date_day) as last_day
    from days
    where blocks_covered > 0
)

select
    days.date_day,
    cast(
        (days.last_height - calendar.first_burnchain_block_height) // calendar.reward_cycle_length as integer
    ) as cycle_number,
    cast(days.paying_blocks as integer) as paying_blocks,
    try_cast(
        case
            when days.paying_blocks = 0 then 0
            when days.blocks_covered = days.paying_blocks then days.reward_btc
        end as decimal(18, 8)
    ) as reward_btc,
    try_cast(
        case
            when days.paying_blocks = 0 then 0
            when days.blocks_covered = days.paying_blocks and days.blocks_priced = days.paying_blocks
                then days.reward_usd_at_payout
        end as decimal(18, 2)
    ) as reward_usd_at_payout,
    case
        when days.blocks_covered = days.paying_blocks
            then round(
                cast(cast(days.reward_btc as decimal(30, 8)) * 100000000 as double)
                / nullif(days.paying_blocks, 0), 6
            )
    end as mean_sats_per_block,
    days.blocks_covered = days.paying_blocks as is_complete,
    list_sort(list_distinct(days.source_ids)) as source_ids
from days
cross join {{ ref('int_pox_calendar') }} as calendar
inner join bounds
    on days.date_day between bounds.first_day and bounds.last_day
where {{ in_window('days.date_day') }}
