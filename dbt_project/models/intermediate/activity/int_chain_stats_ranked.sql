-- One row per chain, measure and period: what the best-ranked source says. What it says itself comes before
-- what is made of another line of it.
with ranked as (
    select
        united.*,
        row_number() over (
            partition by chain_id, metric_id, period, period_start
            order by source_rank nulls last, source_id, before_start nulls first, source_metric
        ) as choice
    from {{ ref('int_chain_stats_united') }} as united
)

select
    chain_id,
    metric_id,
    period,
    period_start,
    period_end,
    cast(date_trunc('week', period_start) as date) as week_start,
    cast(date_trunc('month', period_start) as date) as month_start,
    value,
    definition,
    source_id,
    source_metric,
    told_metric_id,
    source_ids
from ranked
where choice = 1
