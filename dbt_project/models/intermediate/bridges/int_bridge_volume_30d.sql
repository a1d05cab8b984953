-- One row per bridge with a feed and UTC day from its start on, between the known headers of its chain: its
-- volume of 30 days, and its place among the bridges of the chain. A day before its start has no volume to
-- miss.
with days as (
    select
        days.bridge_id,
        days.chain_id,
        days.date_day,
        days.day_state,
        bridges.is_native,
        case
            when days.day_state = 'covered' then daily.gross_volume_btc
            when days.day_state = 'before_start' then 0
        end as volume_btc
    from {{ ref('int_bridge_days') }} as days
    inner join {{ ref('bridges') }} as bridges
        on days.bridge_id = bridges.bridge_id
    left join {{ ref('int_bridge_daily') }} as daily
        on days.bridge_id = daily.bridge_id and days.date_day = daily.date_day
),

volumes as (
    select
        days.*,
        case when count(volume_btc) over last_30_days = 30 then sum(volume_btc) over last_30_days end
            as volume_30d_btc
    from days
    window last_30_days as (
        partition by bridge_id order by date_day range between interval 29 day preceding and current row
    )
),

members as (
    select
        volumes.*,
        count(*) over of_chain as members,
        count(volume_30d_btc) over of_chain as members_known,
        sum(volume_30d_btc) over of_chain as chain_volume_btc,
        count(*) over of_kind as kind_members,
        count(volume_30d_btc) over of_kind as kind_members_known,
        sum(volume_30d_btc) over of_kind as kind_volume_btc,
        row_number() over (
            partition by chain_id, date_day order by volume_30d_btc desc nulls last, bridge_id asc
        ) as place
    from volumes
    where day_state <> 'before_start'
    window
        of_chain as (partition by chain_id, date_day),
        of_kind as (partition by chain_id, date_day, is_native)
),

-- from when on a chain has a bridge that no feed tells of: always, where its launch is not known
untold as (
    select
        chain_id,
        min(coalesce(launched_on, cast('-infinity' as date))) as first_day,
        min(case when not is_native then coalesce(launched_on, cast('-infinity' as date)) end)
            as first_non_native_day
    from {{ ref('bridges') }}
    where not has_feed
    group by chain_id
),

judged as (
    select
        members.*,
        coalesce(untold.first_day <= members.date_day, false) as is_untold,
        coalesce(untold.first_non_native_day <= members.date_day, false) as is_non_native_untold
    from members
    left join untold
        on members.chain_id = untold.chain_id
)

select
    bridge_id,
    chain_id,
    date_day,
    cast(volume_30d_btc as decimal(18, 8)) as volume_30d_btc,
    cast(case when not is_untold and members = members_known then place end as integer) as rank_30d,
    case
        when not is_untold and members = members_known
            then round(100 * cast(volume_30d_btc as double) / nullif(cast(chain_volume_btc as double), 0), 6)
    end as share_of_chain_volume_pct,
    case
        when not is_native and not is_non_native_untold and kind_members = kind_members_known
            then round(100 * cast(volume_30d_btc as double) / nullif(cast(kind_volume_btc as double), 0), 6)
    end as share_of_non_native_pct,
    nullif(
        concat_ws(
            ', ',
            case when is_untold then 'bridge_without_feed' end,
            case when members > members_known then 'member_not_covered' end,
            case when members = members_known and chain_volume_btc = 0 then 'no_volume' end
        ), ''
    ) as share_reason
from judged
