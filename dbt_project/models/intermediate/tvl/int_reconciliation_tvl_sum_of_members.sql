-- One row per day of a list of all chains: DefiLlama's total at the 00:00 before it was asked, the end of
-- observed_on, against the sum of the chains in the list.
with lists as (
    select
        source_id,
        snapshot_on,
        sum(tvl_usd) as chains_usd
    from {{ ref('stg_defillama__chains_now') }}
    where is_latest and tvl_usd is not null
    group by source_id, snapshot_on
)

select
    'tvl' as subject,
    'tvl_sum_of_members' as check_id,
    totals.chain_id as entity_id,
    totals.date_day as observed_on,
    totals.source_id as source_a,
    lists.source_id || '_chains_now' as source_b,
    'tvl_usd' as metric_id,
    'usd' as unit,
    cast(totals.tvl_usd as decimal(38, 8)) as value_a,
    cast(lists.chains_usd as decimal(38, 8)) as value_b,
    cast(null as varchar) as reason,
    totals.tvl_definition,
    lists.snapshot_on
from lists
inner join {{ ref('int_chain_tvl_united') }} as totals
    on lists.source_id = totals.source_id and lists.snapshot_on - 1 = totals.date_day
where totals.chain_id = 'all_chains' and totals.tvl_definition = 'defi'
