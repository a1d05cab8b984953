-- One row per asset and UTC day with a price: market cap and supply at the end of the day. Bitcoin's supply
-- is what the subsidy rule allows up to the last block, and its market cap that times the price; of other
-- assets both are the source's, and a supply that it leaves out is its market cap over its price.
with capped as (
    select
        ranked.asset_id,
        ranked.date_day,
        ranked.price_usd,
        ranked.source_id,
        cast(supply.issued_btc as decimal(38, 8)) as issued_supply,
        supply.source_id as supply_source_id,
        case
            when ranked.asset_id <> 'btc' then ranked.market_cap_usd
            -- a price of a hundred millions leaves no room for what the market cap is multiplied with
            when ranked.price_usd < 1e8 then cast(ranked.price_usd * supply.issued_btc as decimal(38, 8))
        end as market_cap_usd,
        case when ranked.asset_id <> 'btc' then ranked.circulating_supply end as source_supply
    from {{ ref('int_asset_market_ranked') }} as ranked
    left join {{ ref('int_btc_supply_daily') }} as supply
        on ranked.asset_id = supply.asset_id and ranked.date_day = supply.date_day
)

select
    asset_id,
    date_day,
    price_usd,
    market_cap_usd,
    coalesce(
        issued_supply,
        source_supply,
        cast(round(cast(market_cap_usd as double) / cast(price_usd as double), 8) as decimal(38, 8))
    ) as circulating_supply,
    case
        when issued_supply is not null then 'height_formula'
        when source_supply is not null then 'source'
        when market_cap_usd is not null then 'implied'
    end as supply_basis,
    issued_supply,
    source_id,
    list_sort(list_distinct([source_id, supply_source_id])) as source_ids
from capped
