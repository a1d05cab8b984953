-- One row per chain with a coin of its own and day on which both are known: the chain's DeFi TVL over the
-- market cap of the coin.
select
    levels.chain_id,
    levels.tvl_definition,
    levels.date_day,
    valued.asset_id,
    levels.tvl_usd,
    valued.market_cap_usd,
    round(100 * cast(levels.tvl_usd as double) / cast(valued.market_cap_usd as double), 6) as ratio_pct,
    list_sort(list_distinct(valued.source_ids || [levels.source_id])) as source_ids
from {{ ref('int_chain_tvl_united') }} as levels
inner join {{ ref('chains') }} as chains
    on levels.chain_id = chains.chain_id
inner join {{ ref('int_asset_market_valued') }} as valued
    on chains.native_asset_id = valued.asset_id and levels.date_day = valued.date_day
where levels.tvl_definition = 'defi' and valued.market_cap_usd is not null
