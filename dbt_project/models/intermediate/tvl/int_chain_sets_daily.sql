-- One row per set of chains, definition of TVL and day on which a member is observed: the members together,
-- how the TVL is spread over them, and their part of all chains. HHI is the sum of the squared shares in
-- percent.
with summed as (
    select
        chain_set_id,
        tvl_definition,
        date_day,
        observed_at,
        bool_or(voids_shares) as is_void,
        cast(sum(tvl_usd) as decimal(18, 2)) as total_usd,
        cast(sum(case when place <= 3 then tvl_usd end) as double) as top3_usd,
        -- squares to 4 decimals: exact, so that no order of addition matters
        cast(sum(cast(tvl_usd as decimal(38, 2)) * tvl_usd) as double) as sum_of_squares,
        list_sort(list(chain_id) filter (where place <= 3 and tvl_usd is not null)) as top3_chain_ids,
        cast(count(*) as integer) as set_members,
        cast(count(tvl_usd) as integer) as set_members_present,
        coalesce(list_sort(list(chain_id) filter (where tvl_usd is null)), []) as missing_members,
        min(source_id) as source_id,
        list_sort(list_distinct(list(source_id))) as source_ids
    from {{ ref('int_chain_set_members_daily') }}
    group by chain_set_id, tvl_definition, date_day, observed_at
)

select
    summed.chain_set_id,
    summed.tvl_definition,
    summed.date_day,
    summed.observed_at,
    case when not summed.is_void then summed.total_usd end as set_tvl_usd,
    summed.set_members,
    summed.set_members_present,
    summed.missing_members,
    case when summed.is_void then 'member_missing' end as share_reason,
    case when not summed.is_void then round(100 * summed.top3_usd / cast(summed.total_usd as double), 6) end
        as cr3_pct,
    case when not summed.is_void then summed.top3_chain_ids end as top3_chain_ids,
    case
        when not summed.is_void
            then
                round(
                    10000 * summed.sum_of_squares
                    / (cast(summed.total_usd as double) * cast(summed.total_usd as double)), 4
                )
    end as hhi,
    totals.tvl_usd as all_chains_tvl_usd,
    case
        when not summed.is_void
            then round(100 * cast(summed.total_usd as double) / cast(totals.tvl_usd as double), 6)
    end as set_share_of_all_chains_pct,
    'all_chains' as total_chain_id,
    'defi' as total_tvl_definition,
    summed.source_ids
from summed
left join {{ ref('int_chain_tvl_united') }} as totals
    on
        summed.date_day = totals.date_day
        and summed.source_id = totals.source_id
        and totals.chain_id = 'all_chains'
        and totals.tvl_definition = 'defi'
