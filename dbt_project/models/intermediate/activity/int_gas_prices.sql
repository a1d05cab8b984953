-- One row per asset and UTC day with a price: the mean of its 24 hours where all are priced, else the price
-- at the end of the day.
with hourly as (
    select
        asset_id,
        date_day,
        -- the mean of a DECIMAL is DOUBLE; it is rounded once
        cast(round(cast(sum(price_usd) as double) / 24, 8) as decimal(38, 8)) as price_usd,
        min(source_id) as source_id
    from {{ ref('int_asset_price_at') }}
    group by asset_id, date_day
    having count(price_usd) = 24
)

select
    coalesce(hourly.asset_id, closes.asset_id) as asset_id,
    coalesce(hourly.date_day, closes.date_day) as date_day,
    coalesce(hourly.price_usd, closes.price_usd) as price_usd,
    case when hourly.asset_id is null then 'close' else 'mean_of_hours' end as price_basis,
    hourly.date_day as hours_of,
    case when hourly.asset_id is null then closes.date_day end as close_of,
    coalesce(hourly.source_id, closes.source_id) as source_id
from hourly
full outer join {{ ref('int_asset_market_ranked') }} as closes
    on hourly.asset_id = closes.asset_id and hourly.date_day = closes.date_day
