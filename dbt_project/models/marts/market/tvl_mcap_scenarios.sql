-- One row per scenario, meaning of BTCFi's TVL and day with a price of the base asset: the TVL that a target
-- ratio to the market cap would be, beside the TVL there is.
with definitions as (
    select unnest(['bitcoin_l1', 'sidechains', 'sidechains_and_l1', 'wrapped_btc']) as btcfi_tvl_definition
),

days as (
    select
        scenarios.scenario_id,
        definitions.btcfi_tvl_definition,
        valued.date_day,
        scenarios.base_asset_id,
        valued.price_usd,
        valued.market_cap_usd,
        valued.circulating_supply,
        valued.source_ids,
        scenarios.target_ratio_pct,
        cast(valued.market_cap_usd * scenarios.target_ratio_pct * 0.01 as decimal(18, 2)) as target_tvl_usd,
        -- bitcoin's market cap is its supply at one price: the ratio of the one is the ratio of the other
        cast(
            case
                when scenarios.base_asset_id = 'btc' and valued.market_cap_usd is not null
                    then valued.circulating_supply * scenarios.target_ratio_pct * 0.01
            end as decimal(18, 8)
        ) as implied_btc_locked,
        scenarios.reference_chain_id
    from {{ ref('scenarios') }} as scenarios
    cross join definitions
    inner join {{ ref('int_asset_market_valued') }} as valued
        on scenarios.base_asset_id = valued.asset_id
)

select
    days.scenario_id,
    days.btcfi_tvl_definition,
    days.date_day,
    days.base_asset_id,
    days.price_usd,
    days.market_cap_usd,
    days.circulating_supply,
    tvl.tvl_usd as current_tvl_usd,
    round(100 * cast(tvl.tvl_usd as double) / cast(days.market_cap_usd as double), 6) as current_ratio_pct,
    days.target_ratio_pct,
    days.target_tvl_usd,
    cast(days.target_tvl_usd - tvl.tvl_usd as decimal(18, 2)) as incremental_tvl_usd,
    round(cast(days.target_tvl_usd as double) / nullif(cast(tvl.tvl_usd as double), 0), 8) as multiple_ratio,
    days.implied_btc_locked,
    round(100 * cast(days.implied_btc_locked as double) / cast(days.circulating_supply as double), 6)
        as implied_share_of_supply_pct,
    days.reference_chain_id,
    reference.tvl_usd as reference_tvl_usd,
    reference.market_cap_usd as reference_market_cap_usd,
    reference.ratio_pct as reference_ratio_pct,
    nullif(
        concat_ws(
            ', ',
            case when days.market_cap_usd is null then 'no_market_cap' end,
            case when days.target_ratio_pct is null then 'no_target_ratio' end,
            case when days.btcfi_tvl_definition = 'wrapped_btc' then 'no_tvl_feed' end,
            case
                when days.btcfi_tvl_definition <> 'wrapped_btc' and tvl.tvl_usd is null
                    then coalesce(tvl.reason, 'tvl_missing')
            end,
            case
                when days.reference_chain_id is not null and reference.chain_id is null
                    then 'reference_missing'
            end
        ), ''
    ) as reason,
    list_sort(list_distinct(
        days.source_ids || coalesce(tvl.source_ids, []) || coalesce(reference.source_ids, [])
    )) as source_ids
from days
left join {{ ref('int_btcfi_tvl') }} as tvl
    on days.btcfi_tvl_definition = tvl.btcfi_tvl_definition and days.date_day = tvl.date_day
left join {{ ref('int_chain_tvl_over_market_cap') }} as reference
    on days.reference_chain_id = reference.chain_id and days.date_day = reference.date_day
where {{ in_window('days.date_day') }}
