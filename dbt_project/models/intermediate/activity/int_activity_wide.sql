-- One row per chain and day, week or month of which something is known: each measure a column, and beside it
-- its name, by which a receipt finds it.
{% set counts = [
    'tx_count', 'operational_tx_count', 'active_addresses', 'new_addresses', 'participating_addresses',
    'active_contracts', 'new_contracts', 'gas_used',
] %}
{% set amounts = ['txn_fee_native', 'l1_data_fee_native', 'txn_fee_usd', 'fees_usd'] %}
select
    chain_id,
    period,
    period_start,
    period_end,
    {% for metric_id in counts -%}
        cast(max(case when metric_id = '{{ metric_id }}' then value end) as bigint) as {{ metric_id }},
    {% endfor -%}
    {% for metric_id in amounts -%}
        max(case when metric_id = '{{ metric_id }}' then value end) as {{ metric_id }},
    {% endfor -%}
    {% for metric_id in counts + amounts -%}
        '{{ metric_id }}' as {{ metric_id }}_id,
    {% endfor -%}
    {% for metric_id in ['active_addresses', 'new_addresses'] -%}
        max(case when metric_id = '{{ metric_id }}' then definition end) as {{ metric_id }}_definition,
    {% endfor -%}
    {% for metric_id in ['tx_count', 'txn_fee_native', 'fees_usd'] -%}
        max(case when metric_id = '{{ metric_id }}' then days_known end) as {{ metric_id }}_days,
        max(case when metric_id = '{{ metric_id }}' then days_wanted end) as {{ metric_id }}_days_wanted,
    {% endfor -%}
    min(days_wanted) as days_wanted,
    list_sort(list_distinct(flatten(list(source_ids)))) as source_ids
from {{ ref('int_activity_values') }}
group by chain_id, period, period_start, period_end
