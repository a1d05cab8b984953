{# The two daily and hourly contracts of the market subject that are observed (pipelines/tables/market.py). #}
{% macro asset_price_runs(relation) -%}
    {{ latest_runs(relation, ["asset_id", "slot_at"], [
        "slot_sec", "priced_at", "price_usd", "confidence_ratio",
    ]) }}
{%- endmacro %}

{% macro asset_market_runs(relation) -%}
    {{ latest_runs(relation, ["asset_id", "observed_at"], [
        "date_day", "price_usd", "market_cap_usd", "circulating_supply", "volume_24h_usd", "source_status",
    ]) }}
{%- endmacro %}

{# Satoshis that the subsidy rule allows up to a block, itself included: 50 bitcoin for each of the first 210,000
   blocks, half of it (rounded down to a satoshi) for each of the next as many, and so on; 0 after 33 of these eras. #}
{% macro issued_sats(height) -%}
    (
        {%- for era in range(33) %}
        {%- if not loop.first %}
        +{% endif %} {{ 5000000000 // 2 ** era }} * least(greatest({{ height }} + 1 - {{ era * 210000 }}, 0), 210000)
        {%- endfor %}
    )
{%- endmacro %}
