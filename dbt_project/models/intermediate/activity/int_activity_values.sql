-- One row per chain, measure and day, week or month of which something is known. What adds up in time is
-- summed over the days of a week or month where all of them are known, in one definition; what does not is
-- the source's own row of the period. Days before the launch hold nothing.
with days as (
    select
        ranked.*,
        coalesce(ranked.period_start < chains.launched_on, false) as is_before_launch
    from {{ ref('int_chain_stats_ranked') }} as ranked
    inner join {{ ref('chains') }} as chains
        on ranked.chain_id = chains.chain_id
    left join {{ ref('metrics') }} as metrics
        on ranked.metric_id = metrics.metric_id
    where ranked.period = 'day' and (metrics.is_additive_time or ranked.metric_id = 'txn_fee_usd')
),

summed as (
    {% for period in ['week', 'month'] -%}
        select
            days.chain_id,
            '{{ period }}' as period,
            days.{{ period }}_start as period_start,
            {{ period_end("'" ~ period ~ "'", 'days.' ~ period ~ '_start') }} as period_end,
            days.metric_id,
            sum(days.value) as value,
            min(days.definition) as definition,
            count(distinct days.definition) as definitions,
            count(*) as days_known,
            count(*) filter (where days.is_before_launch) as days_known_before_launch,
            list_sort(list_distinct(flatten(list(days.source_ids)))) as source_ids
        from days
        group by days.chain_id, days.{{ period }}_start, days.metric_id
        {% if not loop.last -%}
            union all
        {% endif -%}
    {% endfor -%}
),

wanted as (
    select
        summed.*,
        summed.days_known_before_launch + date_diff(
            'day',
            least(greatest(summed.period_start, chains.launched_on), summed.period_end),
            summed.period_end
        ) as days_wanted
    from summed
    inner join {{ ref('chains') }} as chains
        on summed.chain_id = chains.chain_id
)

select
    chain_id,
    period,
    period_start,
    period_end,
    metric_id,
    case when days_known = days_wanted and definitions = 1 then value end as value,
    case when days_known = days_wanted and definitions = 1 then definition end as definition,
    cast(days_known as integer) as days_known,
    cast(days_wanted as integer) as days_wanted,
    cast(null as date) as own_start,
    case when period = 'week' then period_start end as sum_week_start,
    case when period = 'month' then period_start end as sum_month_start,
    'day' as told_period,
    source_ids
from wanted
union all
select
    ranked.chain_id,
    ranked.period,
    ranked.period_start,
    ranked.period_end,
    ranked.metric_id,
    ranked.value,
    ranked.definition,
    cast(date_diff('day', ranked.period_start, ranked.period_end) as integer) as days_known,
    cast(date_diff('day', ranked.period_start, ranked.period_end) as integer) as days_wanted,
    ranked.period_start as own_start,
    cast(null as date) as sum_week_start,
    cast(null as date) as sum_month_start,
    ranked.period as told_period,
    ranked.source_ids
from {{ ref('int_chain_stats_ranked') }} as ranked
left join {{ ref('metrics') }} as metrics
    on ranked.metric_id = metrics.metric_id
where ranked.period = 'day' or not metrics.is_additive_time
