{# The only clock: what was fetched after as_of is not known yet. #}
{% macro as_of() -%}
    cast('{{ var("as_of") }}' as timestamp)
{%- endmacro %}

{# True on the days that the build was asked to show; a bound that is null is open. #}
{% macro in_window(day) -%}
    {%- if var("window_first") %}{{ day }} >= cast('{{ var("window_first") }}' as date){% else %}true{% endif %}
    and {% if var("window_last") %}{{ day }} <= cast('{{ var("window_last") }}' as date){% else %}true{% endif %}
{%- endmacro %}

{# True where the build was asked to show a day between the first and the last. #}
{% macro overlaps_window(first_day, last_day) -%}
    {%- if var("window_first") %}{{ last_day }} >= cast('{{ var("window_first") }}' as date){% else %}true{% endif %}
    and {% if var("window_last") %}{{ first_day }} <= cast('{{ var("window_last") }}' as date){% else %}true{% endif %}
{%- endmacro %}
