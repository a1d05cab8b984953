-- One row per set of chains, definition of TVL, day, and month, quarter and year that it is in.
{% for period in ['month', 'quarter', 'year'] -%}
    select
        chain_set_id,
        tvl_definition,
        '{{ period }}' as period,
        cast(date_trunc('{{ period }}', date_day) as date) as period_start,
        cast(date_trunc('{{ period }}', date_day) + interval 1 {{ period }} - interval 1 day as date)
            as period_end,
        date_day,
        set_share_of_all_chains_pct,
        source_ids
    from {{ ref('int_chain_sets_daily') }}
    {% if not loop.last -%}
        union all
    {% endif -%}
{% endfor -%}
