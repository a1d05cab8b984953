-- One row per chain and UTC day with a count of transactions or a fee: sums of 30 days, and least squares
-- over the count of transactions of 30 and of 90 days, from exact sums of whole numbers.
with days as (
    select
        chain_id,
        period_start as date_day,
        date_diff('day', cast('2000-01-01' as date), period_start) as x,
        cast(max(case when metric_id = 'tx_count' then value end) as hugeint) as y,
        max(case when metric_id = 'txn_fee_native' then value end) as txn_fee_native,
        max(case when metric_id = 'txn_fee_usd' then value end) as txn_fee_usd
    from {{ ref('int_chain_stats_ranked') }}
    where period = 'day' and metric_id in ('tx_count', 'txn_fee_native', 'txn_fee_usd')
    group by chain_id, period_start
),

sums as (
    select
        chain_id,
        date_day,
        count(txn_fee_native) over last_30_days as fees_30d,
        sum(txn_fee_native) over last_30_days as txn_fee_30d_native,
        count(txn_fee_usd) over last_30_days as usd_fees_30d,
        sum(txn_fee_usd) over last_30_days as txn_fee_30d_usd,
        {% for n in [30, 90] -%}
            count(y) over last_{{ n }}_days as counts_{{ n }}d,
            {% for a, b in [('x', 'y'), ('x', 'x'), ('y', 'y')] -%}
                {{ n }} * sum({{ a }} * {{ b }}) over last_{{ n }}_days
                - sum({{ a }}) over last_{{ n }}_days * sum({{ b }}) over last_{{ n }}_days
                    as {{ a }}{{ b }}_{{ n }}d
                {%- if not loop.last %},
                {% endif %}
            {%- endfor %}
            {%- if not loop.last %},
            {% endif %}
        {%- endfor %}
    from days
    window
        {% for n in [30, 90] -%}
            last_{{ n }}_days as (
                partition by chain_id order by date_day
                range between interval {{ n - 1 }} day preceding and current row
            )
            {%- if not loop.last %},
            {% endif %}
        {%- endfor %}
)

select
    chain_id,
    'day' as period,
    date_day,
    case when fees_30d = 30 then txn_fee_30d_native end as txn_fee_30d_native,
    cast(case when usd_fees_30d = 30 then txn_fee_30d_usd end as decimal(18, 2)) as txn_fee_30d_usd,
    case when counts_30d = 30 then round(cast(xy_30d as double) / cast(xx_30d as double), 8) end
        as tx_slope_30d,
    case
        when counts_30d = 30 and yy_30d > 0
            then round(
                cast(xy_30d as double) * cast(xy_30d as double)
                / (cast(xx_30d as double) * cast(yy_30d as double)), 8
            )
    end as tx_slope_r2_30d,
    case when counts_90d = 90 then round(cast(xy_90d as double) / cast(xx_90d as double), 8) end
        as tx_slope_90d
from sums
