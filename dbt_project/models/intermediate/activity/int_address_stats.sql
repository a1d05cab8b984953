-- One row per chain, measure and day, week or month all of whose days are covered: what its senders come to.
with days as (
    select distinct
        chain_id,
        date_day
    from {{ ref('int_address_days') }}
),

periods as (
    {% for period in ['day', 'week', 'month'] -%}
        select
            days.chain_id,
            '{{ period }}' as period,
            cast(date_trunc('{{ period }}', days.date_day) as date) as period_start,
            count(*) as days_covered
        from days
        group by days.chain_id, cast(date_trunc('{{ period }}', days.date_day) as date)
        {% if not loop.last -%}
            union all
        {% endif -%}
    {% endfor -%}
),

counted as (
    select
        periods.chain_id,
        periods.period,
        periods.period_start,
        sum(senders.tx_count) as tx_count,
        count(distinct senders.address) as addresses,
        sum(senders.fee_ustx) as fee_ustx,
        min(senders.source_id) as source_id
    from periods
    inner join {{ ref('int_address_days') }} as senders
        on
            periods.chain_id = senders.chain_id
            and periods.period_start <= senders.date_day
            and {{ period_end('periods.period', 'periods.period_start') }} > senders.date_day
    where
        periods.days_covered
        = date_diff('day', periods.period_start, {{ period_end('periods.period', 'periods.period_start') }})
    group by periods.chain_id, periods.period, periods.period_start
)

{% for metric_id, value, unit, definition in [
    ('operational_tx_count', 'tx_count', 'count', 'operational'),
    ('active_addresses', 'addresses', 'count', 'sender'),
    ('txn_fee_native', 'cast(fee_ustx as decimal(30, 0)) * 0.000001', 'stx', 'l2_fee'),
] -%}
    select
        chain_id,
        '{{ metric_id }}' as metric_id,
        'transactions' as source_metric,
        period,
        period_start,
        cast({{ value }} as decimal(38, 18)) as value,
        '{{ unit }}' as unit,
        '{{ definition }}' as definition,
        case when period = 'day' then period_start end as day_start,
        case when period = 'week' then period_start end as week_start,
        case when period = 'month' then period_start end as month_start,
        source_id
    from counted
    {% if not loop.last -%}
        union all
    {% endif -%}
{% endfor %}
