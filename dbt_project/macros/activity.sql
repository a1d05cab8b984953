{# The contract of the activity subject that explorers' series share (pipelines/tables/activity.py). #}
{% macro chain_stat_runs(relation) -%}
    {{ latest_runs(relation, ["chain_id", "metric_id", "source_metric", "period", "period_start"], [
        "value", "unit", "definition",
    ]) }}
{%- endmacro %}

{# The day after the last one of a day, week or month. #}
{% macro period_end(period, period_start) -%}
    cast(
        case {{ period }}
            when 'week' then {{ period_start }} + interval 7 day
            when 'month' then {{ period_start }} + interval 1 month
            else {{ period_start }} + interval 1 day
        end as date
    )
{%- endmacro %}
