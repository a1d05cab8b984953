-- Both read the same days: a month whose totals are known has no volume that no bridge has. With a window the
-- mart of the days is cut, so that the days come from the step before it.
with months as (
    select
        chain_id,
        month_start,
        sum(gross_volume_btc) as volume_btc,
        sum(volume_count) as volume_count
    from {{ ref('int_bridge_daily') }}
    group by chain_id, month_start
)

select
    marts.chain_id,
    marts.month_start,
    marts.native_volume_btc,
    marts.non_native_volume_btc,
    months.volume_btc
from {{ ref('bridge_native_vs_nonnative') }} as marts
left join months
    on marts.chain_id = months.chain_id and marts.month_start = months.month_start
where
    marts.is_complete
    and (
        marts.native_volume_btc + marts.non_native_volume_btc <> coalesce(months.volume_btc, 0)
        or marts.native_count + marts.non_native_count <> coalesce(months.volume_count, 0)
    )
