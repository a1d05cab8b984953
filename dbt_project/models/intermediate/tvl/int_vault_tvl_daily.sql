-- One row per chain with a vault and day: its parts together. The 1 % rule: a part without an observation
-- is missing; if it had more than 1 % of the sum on its last day, the level of this one is not known.
with days as (
    select distinct
        chain_id,
        date_day,
        observed_at
    from {{ ref('int_vault_tvl_parts') }}
),

parts as (
    select distinct
        chain_id,
        protocol_id,
        chain_name
    from {{ ref('int_vault_tvl_parts') }}
),

held as (
    select
        days.chain_id,
        days.date_day,
        days.observed_at,
        parts.protocol_id,
        parts.chain_name,
        held.tvl_usd,
        held.source_id,
        held.tvl_usd * 100 > sum(held.tvl_usd) over (partition by days.chain_id, days.date_day)
            as is_above_one_pct
    from days
    inner join parts
        on days.chain_id = parts.chain_id
    left join {{ ref('int_vault_tvl_parts') }} as held
        on
            parts.protocol_id = held.protocol_id
            and parts.chain_name = held.chain_name
            and days.date_day = held.date_day
),

weighed as (
    select
        held.*,
        tvl_usd is null and coalesce(
            last_value(is_above_one_pct ignore nulls) over (
                partition by chain_id, protocol_id, chain_name order by date_day
                rows between unbounded preceding and current row
            ), false
        ) as voids_level
    from held
)

select
    'vault' as tvl_definition,
    chain_id,
    date_day,
    observed_at,
    cast(case when not bool_or(voids_level) then sum(tvl_usd) end as decimal(18, 2)) as tvl_usd,
    min(source_id) as source_id,
    list_sort(list(protocol_id || '/' || chain_name) filter (where tvl_usd is null)) as missing_parts
from weighed
group by chain_id, date_day, observed_at
