-- One row per set of chains, definition of TVL, member and day on which a member of the set is observed:
-- what is known of it, and whether its absence voids the shares. The 1 % rule: a member without a level is
-- missing; its last known share is the one of the last day on which it was seen, in the total of the set on
-- that day. A missing member above 1 % voids the day; one never seen does not. A chain not launched yet is
-- no member, unless it is seen.
with days as (
    select distinct
        members.chain_set_id,
        levels.tvl_definition,
        levels.date_day,
        levels.observed_at
    from {{ ref('chain_set_members') }} as members
    inner join {{ ref('int_chain_tvl_united') }} as levels
        on
            members.chain_id = levels.chain_id
            and members.valid_from <= levels.date_day
            and (members.valid_to is null or members.valid_to >= levels.date_day)
),

chains_of_sets as (
    select distinct
        chain_set_id,
        chain_id
    from {{ ref('chain_set_members') }}
),

placed as (
    select
        days.chain_set_id,
        days.tvl_definition,
        chains_of_sets.chain_id,
        days.date_day,
        days.observed_at,
        levels.tvl_usd,
        levels.source_id,
        members.chain_id is not null
        and (levels.tvl_usd is not null or coalesce(chains.launched_on <= days.date_day, true)) as is_member
    from days
    inner join chains_of_sets
        on days.chain_set_id = chains_of_sets.chain_set_id
    left join {{ ref('chain_set_members') }} as members
        on
            days.chain_set_id = members.chain_set_id
            and chains_of_sets.chain_id = members.chain_id
            and days.date_day >= members.valid_from
            and (members.valid_to is null or days.date_day <= members.valid_to)
    left join {{ ref('chains') }} as chains
        on chains_of_sets.chain_id = chains.chain_id
    left join {{ ref('int_chain_tvl_united') }} as levels
        on
            chains_of_sets.chain_id = levels.chain_id
            and days.tvl_definition = levels.tvl_definition
            and days.date_day = levels.date_day
),

weighed as (
    select
        placed.*,
        tvl_usd * 100 > sum(case when is_member then tvl_usd end) over (
            partition by chain_set_id, tvl_definition, date_day
        ) as is_above_one_pct
    from placed
),

judged as (
    select
        weighed.*,
        tvl_usd is null and coalesce(
            last_value(is_above_one_pct ignore nulls) over (
                partition by chain_set_id, tvl_definition, chain_id order by date_day
                rows between unbounded preceding and current row
            ), false
        ) as voids_shares
    from weighed
)

select
    chain_set_id,
    tvl_definition,
    chain_id,
    date_day,
    observed_at,
    tvl_usd,
    source_id,
    voids_shares,
    cast(
        row_number() over (
            partition by chain_set_id, tvl_definition, date_day order by tvl_usd desc nulls last, chain_id asc
        ) as integer
    ) as place
from judged
where is_member
