-- Gross and what is counted twice make deduplicated; that and what is not native make native, to the cent.
-- The gross level is the one that shares are of.
{{ config(meta={'dagster': {'ref': {'name': 'tvl_deductions'}}}) }}
with accounts as (
    select
        chain_set_id,
        tvl_definition,
        date_day,
        max(case when line_kind = 'gross' then amount_usd end) as gross_usd,
        max(case when line_kind = 'deduplicated' then amount_usd end) as deduplicated_usd,
        max(case when line_kind = 'native' then amount_usd end) as native_usd,
        coalesce(sum(case when line_kind = 'double_counted' then amount_usd end), 0) as double_counted_usd,
        coalesce(sum(case when line_kind = 'non_native' then amount_usd end), 0) as non_native_usd,
        count(case when line_kind in ('gross', 'deduplicated', 'native') then 1 end) as levels,
        max(case when line_kind not in ('gross', 'deduplicated', 'native') then amount_usd end) as largest_usd
    from {{ ref('tvl_deductions') }}
    group by chain_set_id, tvl_definition, date_day
)

select
    accounts.chain_set_id,
    accounts.tvl_definition,
    accounts.date_day
from accounts
inner join {{ ref('int_chain_sets_daily') }} as sets
    on
        accounts.chain_set_id = sets.chain_set_id
        and accounts.tvl_definition = sets.tvl_definition
        and accounts.date_day = sets.date_day
where
    accounts.levels <> 3
    or accounts.largest_usd > 0
    or accounts.gross_usd is distinct from sets.set_tvl_usd
    or accounts.gross_usd + accounts.double_counted_usd <> accounts.deduplicated_usd
    or accounts.deduplicated_usd + accounts.non_native_usd <> accounts.native_usd
