-- One row per liquid stacking protocol and UTC day with a reserve and a TVL on Stacks: the STX that its
-- contract tells against those that the TVL is of. A TVL that says no STX is read as its dollars over the
-- price of STX.
with levels as (
    select
        tvl.protocol_id,
        tvl.date_day,
        min(tvl.source_id) as source_id,
        sum(tvl.token_amount) filter (where upper(tvl.token_symbol) = 'STX') as told_stx,
        sum(tvl.tvl_usd) filter (where tvl.token_symbol = '*') as tvl_usd
    from {{ ref('stg_defillama__protocol_tvl') }} as tvl
    inner join {{ ref('protocols') }} as protocols
        on tvl.protocol_id = protocols.protocol_id
    where
        tvl.is_latest
        and tvl.tvl_component = 'tvl'
        and tvl.chain_id = protocols.chain_id
        and protocols.role = 'lst'
    group by tvl.protocol_id, tvl.date_day
),

compared as (
    select
        reserves.protocol_id,
        reserves.date_day,
        reserves.chain_id,
        reserves.index_block_hash,
        reserves.observed_at,
        reserves.source_id as source_a,
        levels.source_id as source_b,
        reserves.total_stx,
        levels.told_stx,
        cast(
            round(cast(levels.tvl_usd as double) / cast(prices.price_usd as double), 8) as decimal(38, 8)
        ) as implied_stx,
        prices.asset_id as price_asset_id
    from {{ ref('int_lst_reserves_daily') }} as reserves
    inner join levels
        on reserves.protocol_id = levels.protocol_id and reserves.date_day = levels.date_day
    left join {{ ref('int_asset_market_ranked') }} as prices
        on prices.asset_id = 'stx' and reserves.date_day = prices.date_day
)

select
    'stacking' as subject,
    'lst_reserve_vs_protocol_tvl' as check_id,
    protocol_id as entity_id,
    date_day as observed_on,
    source_a,
    source_b,
    'lst_total_stx' as metric_id,
    'stx' as unit,
    total_stx as value_a,
    coalesce(told_stx, implied_stx) as value_b,
    case when told_stx is null then 'tvl_over_price' end as reason,
    chain_id,
    index_block_hash,
    observed_at,
    price_asset_id
from compared
where total_stx is not null and coalesce(told_stx, implied_stx) is not null
