-- One row per chain, measure, period and pair of sources that count the same, the better-ranked one as a.
-- Fees to all protocols of a chain hold those to the chain itself and are compared with them.
with figures as (
    select
        *,
        source_id
        || '_' || metric_id
        || case when period <> 'day' then '_' || period else '' end as measured_by,
        case metric_id when 'fees_usd' then 'txn_fee_usd' else metric_id end as compared_as,
        row_number() over (
            partition by source_id, chain_id, metric_id, period, period_start
            order by before_start nulls first, source_metric
        ) as place
    from {{ ref('int_chain_stats_united') }}
)

select
    'activity' as subject,
    'chain_stat_vs_second_source' as check_id,
    a.chain_id as entity_id,
    a.period_start as observed_on,
    a.measured_by as source_a,
    b.measured_by as source_b,
    a.compared_as as metric_id,
    a.unit,
    cast(a.value as decimal(38, 8)) as value_a,
    cast(b.value as decimal(38, 8)) as value_b,
    case when a.metric_id <> b.metric_id then 'all_protocols' end as reason,
    a.period,
    a.source_id as source_a_id,
    a.metric_id as metric_a_id,
    b.source_id as source_b_id,
    b.metric_id as metric_b_id
from figures as a
inner join figures as b
    on
        a.chain_id = b.chain_id
        and a.compared_as = b.compared_as
        and a.period = b.period
        and a.period_start = b.period_start
        and (
            a.source_rank < b.source_rank
            or (a.source_rank is not distinct from b.source_rank and a.source_id < b.source_id)
        )
        and (a.definition = b.definition or b.metric_id = 'fees_usd')
where a.place = 1 and b.place = 1 and (a.metric_id <> 'txn_fee_usd' or b.metric_id = 'fees_usd')
