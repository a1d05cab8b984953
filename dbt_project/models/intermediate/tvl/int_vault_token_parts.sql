-- One row per vault, place where its assets lie, token there that a deduction names, and day: what it is
-- worth.
with named as (
    select distinct
        protocol_id,
        token_symbol
    from {{ ref('tvl_deduction_rules') }}
    where token_symbol is not null
)

select
    latest.protocol_id,
    latest.chain_name,
    named.token_symbol as rule_token_symbol,
    latest.token_symbol,
    latest.tvl_component,
    latest.date_day,
    latest.observed_at,
    latest.tvl_usd,
    latest.run_number
from {{ ref('stg_defillama__protocol_tvl') }} as latest
inner join named
    on latest.protocol_id = named.protocol_id and upper(latest.token_symbol) = named.token_symbol
where latest.is_latest and latest.tvl_component = 'tvl' and latest.tvl_usd is not null
