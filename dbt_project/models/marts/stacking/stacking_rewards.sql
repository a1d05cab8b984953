-- One row per reward cycle that has begun: what it paid to stackers in bitcoin and in dollars, what was
-- stacked for it, and the part of liquid stacking.
with cycles as (
    select
        cycles.*,
        levels.total_stacked_stx,
        levels.signers,
        levels.lst_total_stx,
        levels.lst_net_stx,
        levels.circulating_stx,
        levels.mean_stx_price_usd,
        levels.source_ids as level_source_ids,
        count(cycles.reward_btc) over last_26 as cycles_known,
        sum(cycles.reward_btc) over last_26 as sum_btc,
        -- squares to 16 decimals: exact, so that the deviation does not depend on the order of addition
        sum(cast(cycles.reward_btc as decimal(30, 8)) * cycles.reward_btc) over last_26
            as sum_of_squares
    from {{ ref('int_stacking_cycles') }} as cycles
    left join {{ ref('int_stacking_levels') }} as levels
        on cycles.cycle_number = levels.cycle_number
    window last_26 as (order by cycles.cycle_number range between 25 preceding and current row)
),

valued as (
    select
        cycles.*,
        cast(total_stacked_stx as double) * cast(mean_stx_price_usd as double) as stacked_value
    from cycles
)

select
    cycle_number,
    pox_version,
    start_height,
    end_height,
    start_at,
    end_at,
    duration_days,
    paying_blocks,
    blocks_covered,

    reward_btc,
    reward_usd_at_payout,
    reward_usd_at_cycle_end,
    burn_btc,
    round(cast(cast(reward_btc as decimal(30, 8)) * 100000000 as double) / paying_blocks, 6)
        as mean_sats_per_block,
    distinct_recipients,

    total_stacked_stx,
    round(100 * cast(total_stacked_stx as double) / nullif(cast(circulating_stx as double), 0), 6)
        as stacking_ratio_pct,
    round(
        100 * cast(reward_usd_at_payout as double) / nullif(stacked_value, 0) * 365
        / nullif(duration_days, 0), 6
    ) as btc_yield_annualised_pct,
    lst_total_stx,
    lst_net_stx,
    round(100 * cast(lst_total_stx as double) / nullif(cast(total_stacked_stx as double), 0), 6)
        as lst_share_of_stacked_pct,
    round(100 * cast(lst_total_stx as double) / nullif(cast(circulating_stx as double), 0), 6)
        as lst_share_of_supply_pct,
    signers,

    reward_btc = 0 as has_zero_reward,
    -- sample deviation / mean = sqrt((n Q - S^2) n / (n - 1)) / S, with n = 26
    case
        when cycles_known = 26
            then round(
                sqrt(
                    cast(
                        26 * cast(sum_of_squares as decimal(36, 16))
                        - cast(sum_btc as decimal(20, 8)) * cast(sum_btc as decimal(18, 8)) as double
                    ) * 26 / 25
                ) / nullif(cast(sum_btc as double), 0), 8
            )
    end as reward_cv_26c,
    is_over and is_covered as is_complete,
    nullif(
        concat_ws(
            ', ',
            case when not is_over then 'cycle_in_progress' when not is_covered then 'blocks_not_covered' end,
            case
                when start_at is null or (is_over and end_at is null) or (is_covered and not is_timed)
                    then 'block_time_missing'
            end,
            case
                when is_covered and is_timed and reward_usd_at_payout is null then 'btc_price_missing'
                when is_covered and end_at is not null and reward_usd_at_cycle_end is null
                    then 'btc_price_missing'
            end,
            case when not names_recipients then 'recipients_not_named' end,
            case when total_stacked_stx is null then 'stacked_not_known' end,
            case when last_day is not null and circulating_stx is null then 'supply_missing' end,
            case
                when first_day is not null and last_day is not null and mean_stx_price_usd is null
                    then 'stx_price_missing'
            end,
            case
                when last_day is not null and (lst_total_stx is null or lst_net_stx is null)
                    then 'lst_missing'
            end
        ), ''
    ) as reason,
    list_sort(list_distinct(source_ids || coalesce(level_source_ids, []))) as source_ids
from valued
where {{ overlaps_window('first_known_day', 'last_known_day') }}
