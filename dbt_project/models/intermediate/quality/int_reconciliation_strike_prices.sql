-- One row per session whose strike price comes from a price source: that price against the one that the
-- funds' AUM imply.
select
    'etf' as subject,
    'strike_price' as check_id,
    'btc' as entity_id,
    trade_date as observed_on,
    price_basis as source_a,
    'aum_implied' as source_b,
    'strike_price_usd' as metric_id,
    'usd' as unit,
    cast(strike_price_usd as decimal(38, 8)) as value_a,
    cast(implied_strike_price_usd as decimal(38, 8)) as value_b,
    cast(null as varchar) as reason
from {{ ref('int_etf_strike_price') }}
where price_basis <> 'implied' and strike_price_usd is not null and implied_strike_price_usd is not null
