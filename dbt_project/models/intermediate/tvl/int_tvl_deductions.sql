-- One row per set of chains, definition of TVL, member observed on a day, and rule in force for which there
-- is something to say: the part of the member's level that the rule takes away, negative. A rule of a vault
-- takes from the definition vault; one without a protocol takes from every level of the chain. The amount
-- is not known where the token is missing and was last worth more than 1 % of the level.
with in_force as (
    select
        members.chain_set_id,
        members.tvl_definition,
        members.chain_id,
        members.date_day,
        members.tvl_usd as level_usd,
        rules.rule_id,
        rules.kind as line_kind,
        rules.protocol_id,
        coalesce(rules.token_symbol, '*') as token_symbol,
        rules.share_ratio
    from {{ ref('int_chain_set_members_daily') }} as members
    inner join {{ ref('tvl_deduction_rules') }} as rules
        on
            members.chain_id = rules.chain_id
            and rules.chain_set_id in ('*', members.chain_set_id)
            and members.date_day >= rules.valid_from
            and (rules.valid_to is null or members.date_day <= rules.valid_to)
            and (rules.protocol_id is null or members.tvl_definition = 'vault')
    where members.tvl_usd is not null
),

priced as (
    select
        in_force.*,
        case when in_force.protocol_id is null then in_force.level_usd else tokens.tvl_usd end as base_usd,
        tokens.missing_usd,
        coalesce(tokens.missing_usd * in_force.share_ratio * 100 > in_force.level_usd, false) as is_unknown
    from in_force
    left join {{ ref('int_vault_tokens_daily') }} as tokens
        on
            in_force.protocol_id = tokens.protocol_id
            and in_force.token_symbol = tokens.token_symbol
            and in_force.date_day = tokens.date_day
)

select
    chain_set_id,
    tvl_definition,
    chain_id,
    date_day,
    rule_id,
    line_kind,
    protocol_id,
    token_symbol,
    cast(case when not is_unknown then -base_usd * share_ratio end as decimal(18, 2)) as amount_usd,
    is_unknown,
    case when missing_usd is not null then 'token_missing' end as reason
from priced
where base_usd is not null or missing_usd is not null
