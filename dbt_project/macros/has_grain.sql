{# One row per combination of the columns, and none of them NULL. #}
{% test has_grain(model, columns) %}

    select
        {{ columns | join(",\n        ") }}
    from {{ model }}
    group by
        {{ columns | join(",\n        ") }}
    having
        count(*) > 1
        {%- for column in columns %}
        or {{ column }} is null
        {%- endfor %}

{% endtest %}
