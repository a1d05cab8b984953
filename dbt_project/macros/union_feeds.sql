{# The same columns of several staging models, one under the other: adding a source is one more name in the list. #}
{% macro union_feeds(models, columns) -%}
    {%- for model in models %}
    select
        {{ columns | join(",\n        ") }}
    from {{ ref(model) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
{%- endmacro %}
