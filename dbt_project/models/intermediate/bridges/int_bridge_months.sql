-- One row per bridge and month in which any bridge has a covered day: what it moved, where that is known of
-- the whole month. A bridge is left out of the months that lie before its start or launch.
with months as (
    select distinct month_start
    from {{ ref('int_bridge_daily') }}
),

counted as (
    select
        bridge_id,
        month_start,
        count(*) filter (where day_state = 'covered') as days_covered,
        count(*) filter (where day_state = 'before_start') as days_before_start
    from {{ ref('int_bridge_days') }}
    group by bridge_id, month_start
),

moved as (
    select
        bridge_id,
        month_start,
        sum(gross_volume_btc) as volume_btc,
        sum(volume_count) as volume_count,
        list_sort(list_distinct(flatten(list(source_ids)))) as source_ids
    from {{ ref('int_bridge_daily') }}
    group by bridge_id, month_start
),

placed as (
    select
        bridges.bridge_id,
        bridges.chain_id,
        bridges.is_native,
        bridges.has_feed,
        bridges.launched_on,
        months.month_start,
        day(last_day(months.month_start)) as days_of_month,
        coalesce(counted.days_covered, 0) as days_covered,
        coalesce(counted.days_before_start, 0) as days_before_start,
        moved.volume_btc,
        moved.volume_count,
        coalesce(moved.source_ids, []) as source_ids
    from {{ ref('bridges') }} as bridges
    cross join months
    left join counted
        on bridges.bridge_id = counted.bridge_id and months.month_start = counted.month_start
    left join moved
        on bridges.bridge_id = moved.bridge_id and months.month_start = moved.month_start
)

select
    bridge_id,
    chain_id,
    month_start,
    is_native,
    has_feed,
    cast(days_covered as integer) as days_covered,
    cast(days_before_start as integer) as days_before_start,
    has_feed and days_covered + days_before_start = days_of_month as is_complete,
    cast(
        case when has_feed and days_covered + days_before_start = days_of_month then volume_btc end
        as decimal(18, 8)
    ) as volume_btc,
    cast(
        case when has_feed and days_covered + days_before_start = days_of_month then volume_count end
        as bigint
    ) as volume_count,
    source_ids
from placed
where
    case
        when has_feed then days_before_start < days_of_month
        else coalesce(launched_on <= last_day(month_start), true)
    end
