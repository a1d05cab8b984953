-- One row per UTC day with a height and source that has a supply or a market cap of bitcoin: what the subsidy
-- rule allows against that. A source that says no supply is read as its market cap over its price.
select
    'market' as subject,
    'btc_supply' as check_id,
    supply.asset_id as entity_id,
    supply.date_day as observed_on,
    'subsidy_rule' as source_a,
    united.source_id as source_b,
    'circulating_supply' as metric_id,
    'btc' as unit,
    cast(supply.issued_btc as decimal(38, 8)) as value_a,
    coalesce(
        united.circulating_supply,
        cast(
            round(cast(united.market_cap_usd as double) / cast(united.price_usd as double), 8)
            as decimal(38, 8)
        )
    ) as value_b,
    case when united.circulating_supply is null then 'implied_supply' end as reason
from {{ ref('int_btc_supply_daily') }} as supply
inner join {{ ref('int_asset_market_united') }} as united
    on supply.asset_id = united.asset_id and supply.date_day = united.date_day
where united.circulating_supply is not null or united.market_cap_usd is not null
