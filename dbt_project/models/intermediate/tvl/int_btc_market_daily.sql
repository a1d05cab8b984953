-- One row per UTC day with a price of bitcoin: the price, and the market cap where the issued supply is
-- known.
select
    prices.asset_id,
    prices.date_day,
    prices.price_usd,
    cast(prices.price_usd * supply.issued_btc as decimal(38, 8)) as market_cap_usd,
    list_sort(list_distinct([prices.source_id, supply.source_id])) as source_ids
from {{ ref('int_asset_market_ranked') }} as prices
left join {{ ref('int_btc_supply_daily') }} as supply
    on prices.asset_id = supply.asset_id and prices.date_day = supply.date_day
where prices.asset_id = 'btc'
