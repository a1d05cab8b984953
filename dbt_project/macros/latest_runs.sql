{# A feed that is kept by `observe`, as known at as_of: its runs of equal observations, the newest of a key marked. #}
{% macro latest_runs(relation, key, columns) -%}
    select
        {{ (key + columns) | join(",\n        ") }},
        source_id,
        fetch_id,
        locator,
        fetched_at,
        run_number,
        least(last_seen_at, {{ as_of() }}) as last_seen_at,
        case when last_seen_at <= {{ as_of() }} then last_fetch_id end as last_fetch_id,
        row_number() over (partition by {{ key | join(", ") }} order by run_number desc) = 1 as is_latest
    from {{ relation }}
    where fetched_at <= {{ as_of() }}
{%- endmacro %}

{# The three contracts of the ETF subject (pipelines/tables/etf.py). #}
{% macro etf_flow_runs(relation) -%}
    {{ latest_runs(relation, ["fund_id", "trade_date"], [
        "net_flow_usd", "net_flow_btc", "flow_basis", "printed_total_usd", "is_provisional",
    ]) }}
{%- endmacro %}

{% macro etf_holding_runs(relation) -%}
    {{ latest_runs(relation, ["fund_id", "trade_date"], [
        "btc_held", "aum_usd", "nav_per_share_usd", "shares_outstanding", "is_estimated",
    ]) }}
{%- endmacro %}

{% macro etf_quarter_end_runs(relation) -%}
    {{ latest_runs(relation, ["fund_id", "period_end", "accession"], [
        "btc_held", "shares_outstanding", "net_assets_usd", "form", "tag", "filed_on",
    ]) }}
{%- endmacro %}
