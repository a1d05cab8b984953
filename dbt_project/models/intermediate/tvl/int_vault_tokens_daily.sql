-- One row per vault, token that a deduction names, and day: what lies in the places observed on the day. A
-- token that has been seen in such a place, and is not on this day, counts as missing with what it was last
-- worth; the source leaves out a token that is gone and one that it cannot see alike. * is all tokens
-- together.
with tokens as (
    select
        protocol_id,
        chain_name,
        rule_token_symbol as token_symbol,
        date_day,
        sum(tvl_usd) as tvl_usd
    from {{ ref('int_vault_token_parts') }}
    group by protocol_id, chain_name, rule_token_symbol, date_day
),

series as (
    select distinct
        protocol_id,
        chain_name,
        token_symbol
    from tokens
),

followed as (
    select
        series.protocol_id,
        series.token_symbol,
        parts.date_day,
        tokens.tvl_usd,
        last_value(tokens.tvl_usd ignore nulls) over (
            partition by series.protocol_id, series.chain_name, series.token_symbol order by parts.date_day
            rows between unbounded preceding and current row
        ) as last_known_usd
    from series
    inner join {{ ref('int_vault_tvl_parts') }} as parts
        on series.protocol_id = parts.protocol_id and series.chain_name = parts.chain_name
    left join tokens
        on
            series.protocol_id = tokens.protocol_id
            and series.chain_name = tokens.chain_name
            and series.token_symbol = tokens.token_symbol
            and parts.date_day = tokens.date_day
)

select
    protocol_id,
    token_symbol,
    date_day,
    cast(sum(tvl_usd) as decimal(18, 2)) as tvl_usd,
    cast(sum(case when tvl_usd is null then last_known_usd end) as decimal(18, 2)) as missing_usd
from followed
where last_known_usd is not null
group by protocol_id, token_symbol, date_day
union all
select
    protocol_id,
    token_symbol,
    date_day,
    cast(sum(tvl_usd) as decimal(18, 2)) as tvl_usd,
    cast(null as decimal(18, 2)) as missing_usd
from {{ ref('int_vault_tvl_parts') }}
group by protocol_id, token_symbol, date_day
