-- One row per asset and UTC day on which a source prices it: the state at the end of the day.
with hourly as (
    select
        asset_id,
        date_day,
        max(case when staleness_hours = 0 then price_usd end) as high_usd,
        min(case when staleness_hours = 0 then price_usd end) as low_usd,
        list_distinct(list(source_id)) as source_ids
    from {{ ref('int_asset_price_at') }}
    group by asset_id, date_day
    having count(price_usd) = 24
),

levels as (
    select
        ranked.*,
        lag(date_day) over series as previous_day,
        lag(price_usd) over series as previous_price_usd
    from {{ ref('int_asset_market_ranked') }} as ranked
    window series as (partition by asset_id order by date_day)
)

select
    levels.asset_id,
    levels.date_day,
    levels.observed_at,
    levels.price_usd,
    hourly.high_usd as high_hourly_usd,
    hourly.low_usd as low_hourly_usd,
    valued.market_cap_usd,
    valued.circulating_supply,
    valued.supply_basis,
    valued.issued_supply,
    levels.volume_24h_usd,
    case
        when levels.previous_day + 1 = levels.date_day
            then round(
                (cast(levels.price_usd as double) / cast(levels.previous_price_usd as double) - 1) * 100, 6
            )
    end as price_change_1d_pct,
    levels.source_id,
    levels.source_rank,
    levels.n_sources,
    levels.disagreement_usd,
    levels.disagreement_pct,
    list_sort(list_distinct(valued.source_ids || coalesce(hourly.source_ids, []))) as source_ids
from levels
inner join {{ ref('int_asset_market_valued') }} as valued
    on levels.asset_id = valued.asset_id and levels.date_day = valued.date_day
left join hourly
    on levels.asset_id = hourly.asset_id and levels.date_day = hourly.date_day
where {{ in_window('levels.date_day') }}
