-- One row per set of chains, definition of TVL, day and line of the account from the gross level of the set
-- to its native one. A day on which no rule takes anything has the three levels only.
{% set columns = [
    'chain_set_id', 'tvl_definition', 'date_day', 'line_kind', 'rule_id', 'chain_id', 'protocol_id',
    'token_symbol', 'amount_usd', 'reason',
] %}
with levels as (
    select
        levels.*,
        cast(null as varchar) as rule_id,
        cast(null as varchar) as chain_id,
        cast(null as varchar) as protocol_id,
        cast(null as varchar) as token_symbol
    from {{ ref('int_tvl_account_levels') }} as levels
),

lines as (
    select
        {{ columns | join(",\n        ") }}
    from levels
    union all
    select
        {{ columns | join(",\n        ") }}
    from {{ ref('int_tvl_deductions') }}
)

select
    lines.chain_set_id,
    lines.tvl_definition,
    lines.date_day,
    cast(
        row_number() over (
            partition by lines.chain_set_id, lines.tvl_definition, lines.date_day
            order by
                list_position(
                    ['gross', 'double_counted', 'deduplicated', 'non_native', 'native'], lines.line_kind
                ),
                lines.rule_id
        ) as integer
    ) as line_no,
    lines.line_kind,
    lines.rule_id,
    lines.chain_id,
    lines.protocol_id,
    lines.token_symbol,
    lines.amount_usd,
    lines.reason,
    sets.source_ids
from lines
inner join {{ ref('int_chain_sets_daily') }} as sets
    on
        lines.chain_set_id = sets.chain_set_id
        and lines.tvl_definition = sets.tvl_definition
        and lines.date_day = sets.date_day
where {{ in_window('lines.date_day') }}
