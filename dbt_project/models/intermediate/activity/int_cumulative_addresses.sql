-- One row per chain and UTC day with a total of addresses that a source has told day by day since the launch:
-- the best-ranked such source.
with totals as (
    select
        united.*,
        chains.launched_on,
        count(*) filter (where united.period_start >= chains.launched_on) over (
            partition by united.source_id, united.source_metric, united.chain_id order by united.period_start
        ) as days_since_launch
    from {{ ref('int_chain_stats_united') }} as united
    inner join {{ ref('chains') }} as chains
        on united.chain_id = chains.chain_id
    where united.metric_id = 'cumulative_addresses' and united.period = 'day'
),

ranked as (
    select
        totals.*,
        row_number() over (
            partition by chain_id, period_start order by source_rank nulls last, source_id, source_metric
        ) as choice
    from totals
    where
        launched_on is not null
        and days_since_launch = greatest(date_diff('day', launched_on, period_start) + 1, 0)
)

select
    chain_id,
    period_start as date_day,
    period_end,
    metric_id,
    period,
    source_id,
    source_metric,
    cast(value as bigint) as cumulative_addresses,
    definition,
    source_ids
from ranked
where choice = 1
