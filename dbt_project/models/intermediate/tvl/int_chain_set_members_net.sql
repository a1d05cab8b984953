-- One row per set of chains, definition of TVL, member and day on which it is observed: its level after
-- each kind of deduction. A level is not known where one of its deductions is not.
with deducted as (
    select
        chain_set_id,
        tvl_definition,
        chain_id,
        date_day,
        bool_or(is_unknown and line_kind = 'double_counted') as is_deduplicated_unknown,
        bool_or(is_unknown) as is_native_unknown,
        sum(case when line_kind = 'double_counted' then amount_usd end) as double_counted_usd,
        sum(case when line_kind = 'non_native' then amount_usd end) as non_native_usd
    from {{ ref('int_tvl_deductions') }}
    group by chain_set_id, tvl_definition, chain_id, date_day
)

select
    members.chain_set_id,
    members.tvl_definition,
    members.chain_id,
    members.date_day,
    members.observed_at,
    members.place,
    members.source_id,
    members.tvl_usd,
    cast(
        case
            when not coalesce(deducted.is_deduplicated_unknown, false)
                then members.tvl_usd + coalesce(deducted.double_counted_usd, 0)
        end as decimal(18, 2)
    ) as tvl_deduplicated_usd,
    cast(
        case
            when not coalesce(deducted.is_native_unknown, false)
                then
                    members.tvl_usd + coalesce(deducted.double_counted_usd, 0)
                    + coalesce(deducted.non_native_usd, 0)
        end as decimal(18, 2)
    ) as tvl_native_usd
from {{ ref('int_chain_set_members_daily') }} as members
left join deducted
    on
        members.chain_set_id = deducted.chain_set_id
        and members.tvl_definition = deducted.tvl_definition
        and members.chain_id = deducted.chain_id
        and members.date_day = deducted.date_day
where members.tvl_usd is not null
