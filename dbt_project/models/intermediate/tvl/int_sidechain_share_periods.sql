-- One row per set of chains, definition of TVL, and month, quarter or year in which a member is observed:
-- the share of the set in all chains at its two ends and on average. It starts from the level at the end of
-- the day before.
with summed as (
    select
        chain_set_id,
        tvl_definition,
        period,
        period_start,
        period_end,
        max(case when set_share_of_all_chains_pct is not null then date_day end) as end_on,
        -- six decimals are exact, so that no order of addition matters
        round(
            cast(sum(cast(set_share_of_all_chains_pct as decimal(18, 6))) as double)
            / nullif(count(set_share_of_all_chains_pct), 0), 6
        ) as mean_share_pct,
        cast(count(set_share_of_all_chains_pct) as integer) as days_present,
        list_distinct(flatten(list(source_ids))) as period_source_ids
    from {{ ref('int_sidechain_share_days') }}
    group by chain_set_id, tvl_definition, period, period_start, period_end
),

spans as (
    select
        summed.*,
        summed.period_start - 1 as start_on,
        starts.set_share_of_all_chains_pct as start_share_pct,
        starts.set_tvl_usd as start_tvl_usd,
        starts.all_chains_tvl_usd as start_all_chains_usd,
        ends.set_share_of_all_chains_pct as end_share_pct,
        ends.set_tvl_usd as end_tvl_usd,
        ends.all_chains_tvl_usd as end_all_chains_usd,
        ends.cr3_pct as cr3_end_pct,
        ends.top3_chain_ids as top3_end_chain_ids,
        list_sort(list_distinct(list_concat(summed.period_source_ids, starts.source_ids))) as source_ids,
        case
            when starts.set_share_of_all_chains_pct is null then 'start_missing'
            when starts.set_share_of_all_chains_pct <= 0 then 'start_not_positive'
        end as start_reason,
        case when coalesce(summed.end_on <> summed.period_end, true) then 'end_missing' end as end_reason
    from summed
    left join {{ ref('int_chain_sets_daily') }} as starts
        on
            summed.chain_set_id = starts.chain_set_id
            and summed.tvl_definition = starts.tvl_definition
            and summed.period_start - 1 = starts.date_day
    left join {{ ref('int_chain_sets_daily') }} as ends
        on
            summed.chain_set_id = ends.chain_set_id
            and summed.tvl_definition = ends.tvl_definition
            and summed.end_on = ends.date_day
),

grown as (
    select
        spans.*,
        case
            when start_reason is null and end_reason is null
                then
                    cast(end_tvl_usd as double) / cast(end_all_chains_usd as double)
                    / (cast(start_tvl_usd as double) / cast(start_all_chains_usd as double))
        end as multiple
    from spans
)

select
    chain_set_id,
    tvl_definition,
    period,
    period_start,
    period_end,
    start_on,
    end_on,
    start_share_pct,
    end_share_pct,
    mean_share_pct,
    round(multiple, 8) as multiple_ratio,
    round((multiple - 1) * 100, 6) as growth_pct,
    start_tvl_usd,
    end_tvl_usd,
    cr3_end_pct,
    top3_end_chain_ids,
    days_present,
    days_present = period_end - period_start + 1 and start_reason is null as is_complete,
    nullif(concat_ws(', ', start_reason, end_reason), '') as reason,
    source_ids
from grown
