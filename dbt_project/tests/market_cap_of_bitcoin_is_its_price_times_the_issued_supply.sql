-- Of no source: the subsidy rule gives the supply. To the last place, and NULL where no height is known.
select
    date_day,
    price_usd,
    issued_supply,
    market_cap_usd
from {{ ref('asset_market_daily') }}
where
    asset_id = 'btc'
    and price_usd < 1e8
    and market_cap_usd
    is distinct from cast(price_usd * cast(issued_supply as decimal(18, 8)) as decimal(38, 8))
