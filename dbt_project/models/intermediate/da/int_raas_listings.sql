-- One row per listed rollup and UTC day of the list, as it was last seen on the day, its value locked at
-- bitcoin's price of that hour.
select
    listed.rollup_slug,
    listed.snapshot_on,
    listed.rollup_id,
    lower(listed.provider) as provider,
    listed.layer_level,
    lower(listed.da_name) as da_name,
    listed.last_block_at,
    listed.last_block_at >= listed.fetched_at - interval 1 day as is_live,
    listed.tvl_btc,
    prices.asset_id as price_asset_id,
    prices.slot_at as price_slot_at,
    cast(listed.tvl_btc * prices.price_usd as decimal(18, 2)) as tvl_usd,
    listed.source_id,
    prices.source_id as price_source_id,
    listed.run_number
from {{ ref('stg_bvm__rollups') }} as listed
left join {{ ref('int_asset_price_at') }} as prices
    on prices.asset_id = 'btc' and date_trunc('hour', listed.fetched_at) = prices.slot_at
where listed.is_latest
