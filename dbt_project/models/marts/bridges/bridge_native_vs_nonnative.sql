-- One row per chain with a bridge and month in which any bridge has a covered day: what native bridges moved,
-- and what the others did. A bridge that is not known makes the total of its kind unknown.
with days as (
    select
        chain_id,
        month_start,
        date_day,
        bool_and(day_state in ('covered', 'before_start')) and bool_or(day_state = 'covered') as is_covered
    from {{ ref('int_bridge_days') }}
    group by chain_id, month_start, date_day
),

covered as (
    select
        chain_id,
        month_start,
        count(*) filter (where is_covered) as days_covered
    from days
    group by chain_id, month_start
),

totals as (
    select
        chain_id,
        month_start,
        {% for kind, condition in [('native', 'is_native'), ('non_native', 'not is_native')] -%}
            case
                when count(*) filter (where {{ condition }} and not is_complete) = 0
                    then coalesce(sum(volume_btc) filter (where {{ condition }}), 0)
            end as {{ kind }}_volume_btc,
            case
                when count(*) filter (where {{ condition }} and not is_complete) = 0
                    then coalesce(sum(volume_count) filter (where {{ condition }}), 0)
            end as {{ kind }}_count,
        {% endfor -%}
        count(*) filter (where has_feed) as bridges_with_feed,
        coalesce(list_sort(list(bridge_id) filter (where not has_feed)), []) as bridges_without_feed,
        bool_and(is_complete) as is_complete,
        count(*) filter (where has_feed and not is_complete) as bridges_not_covered,
        list_sort(list_distinct(flatten(list(source_ids)))) as source_ids
    from {{ ref('int_bridge_months') }}
    group by chain_id, month_start
)

select
    totals.chain_id,
    totals.month_start,
    cast(totals.native_volume_btc as decimal(18, 8)) as native_volume_btc,
    cast(totals.non_native_volume_btc as decimal(18, 8)) as non_native_volume_btc,
    round(
        100 * cast(totals.native_volume_btc as double)
        / nullif(cast(totals.native_volume_btc + totals.non_native_volume_btc as double), 0), 6
    ) as native_share_pct,
    cast(totals.native_count as bigint) as native_count,
    cast(totals.non_native_count as bigint) as non_native_count,
    cast(totals.bridges_with_feed as integer) as bridges_with_feed,
    totals.bridges_without_feed,
    cast(coalesce(covered.days_covered, 0) as integer) as days_covered,
    totals.is_complete,
    nullif(
        concat_ws(
            ', ',
            case when len(totals.bridges_without_feed) > 0 then 'bridge_without_feed' end,
            case when totals.bridges_not_covered > 0 then 'days_missing' end,
            case when totals.native_volume_btc + totals.non_native_volume_btc = 0 then 'no_volume' end
        ), ''
    ) as reason,
    totals.source_ids
from totals
left join covered
    on totals.chain_id = covered.chain_id and totals.month_start = covered.month_start
where
    exists (
        select 1
        from {{ ref('int_bridge_daily') }} as daily
        where daily.month_start = totals.month_start and {{ in_window('daily.date_day') }}
    )
