{# Coins in a raw amount of a chain, exact to 8 decimal places and rounded half away from zero beyond them. NULL where
   the decimals are not known or more than 18, and where it is 10^20 coins or more. A product with a power of ten has
   the scales added, so that each number of decimals is a branch of its own and none goes through DOUBLE. #}
{% macro coins(raw, decimals) -%}
    case {{ decimals }}
        when 0 then try_cast({{ raw }} as decimal(28, 8))
        {%- for places in range(1, 19) %}
        when {{ places }} then try_cast({{ raw }} * 0.{{ '0' * (places - 1) }}1 as decimal(28, 8))
        {%- endfor %}
    end
{%- endmacro %}
