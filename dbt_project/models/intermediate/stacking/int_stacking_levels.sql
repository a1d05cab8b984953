-- One row per reward cycle that has begun: what is stacked in it, and at the end of its last day the reserves
-- of liquid stacking and the supply of STX. Its price is the mean of the ends of the days from the first to
-- the last.
with protocols as (
    select
        protocol_id,
        min(date_day) as first_day
    from {{ ref('int_lst_reserves_daily') }}
    group by protocol_id
),

reserves as (
    select
        cycles.cycle_number,
        sum(daily.total_stx) as lst_total_stx,
        -- a protocol that has been seen and is not on this day leaves the sum unknown
        count(daily.total_stx) = count(*) as is_total_known,
        sum(daily.net_stx) as lst_net_stx,
        count(daily.net_stx) = count(*) as is_net_known,
        min(daily.source_id) as source_id
    from {{ ref('int_stacking_cycles') }} as cycles
    inner join protocols
        on cycles.last_day >= protocols.first_day
    left join {{ ref('int_lst_reserves_daily') }} as daily
        on protocols.protocol_id = daily.protocol_id and cycles.last_day = daily.date_day
    group by cycles.cycle_number
),

prices as (
    select
        cycles.cycle_number,
        count(*) as days_priced,
        sum(ranked.price_usd) as sum_price_usd,
        list_distinct(list(ranked.source_id)) as source_ids
    from {{ ref('int_stacking_cycles') }} as cycles
    inner join {{ ref('int_asset_market_ranked') }} as ranked
        on ranked.asset_id = 'stx' and ranked.date_day between cycles.first_day and cycles.last_day
    group by cycles.cycle_number
)

select
    cycles.cycle_number,
    cycles.chain_id,
    cycles.last_day,
    'stx' as asset_id,
    try_cast(stacked.total_stacked_ustx * 0.000001 as decimal(38, 8)) as total_stacked_stx,
    stacked.total_signers as signers,
    cast(case when reserves.is_total_known then reserves.lst_total_stx end as decimal(38, 8))
        as lst_total_stx,
    cast(case when reserves.is_net_known then reserves.lst_net_stx end as decimal(38, 8)) as lst_net_stx,
    supply.circulating_supply as circulating_stx,
    case
        when prices.days_priced = cycles.last_day - cycles.first_day + 1
            then
                cast(
                    round(cast(prices.sum_price_usd as double) / prices.days_priced, 8) as decimal(38, 8)
                )
    end as mean_stx_price_usd,
    list_sort(
        list_distinct(
            coalesce(prices.source_ids, []) || [stacked.source_id, reserves.source_id, supply.source_id]
        )
    ) as source_ids
from {{ ref('int_stacking_cycles') }} as cycles
left join {{ ref('stg_hiro__pox_cycles') }} as stacked
    on
        cycles.chain_id = stacked.chain_id
        and cycles.cycle_number = stacked.cycle_number
        and stacked.is_latest
left join reserves
    on cycles.cycle_number = reserves.cycle_number
left join {{ ref('int_stx_supply_daily') }} as supply
    on cycles.last_day = supply.date_day
left join prices
    on cycles.cycle_number = prices.cycle_number
