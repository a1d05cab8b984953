-- One row per rollup under study and UTC day between the first and the last of which a source says something
-- of any of them, with the keys of what is said.
with listings as (
    -- where a list has a rollup twice, its first name counts
    select
        listed.*,
        row_number() over (partition by listed.rollup_id, listed.snapshot_on order by listed.rollup_slug)
            as place
    from {{ ref('int_raas_listings') }} as listed
    where listed.rollup_id is not null
),

posted as (
    select
        rollup_id,
        date_day,
        max(case when measure = 'blob_bytes' then value end) as blob_bytes,
        max(case when measure = 'fee' then value end) as fee_utia,
        min(source_id) as source_id
    from {{ ref('int_rollup_da_measures') }}
    group by rollup_id, date_day
),

activity as (
    select
        rollups.rollup_id,
        wide.period_start as date_day,
        wide.tx_count,
        wide.txn_fee_native,
        cast(wide.txn_fee_usd as decimal(18, 2)) as txn_fee_usd,
        wide.source_ids
    from {{ ref('int_activity_wide') }} as wide
    inner join {{ ref('rollups') }} as rollups
        on wide.chain_id = rollups.chain_id
    where wide.period = 'day'
),

tvl as (
    select
        rollups.rollup_id,
        united.date_day,
        united.tvl_definition,
        united.tvl_usd,
        united.source_id
    from {{ ref('int_chain_tvl_united') }} as united
    inner join {{ ref('rollups') }} as rollups
        on united.chain_id = rollups.chain_id
    where united.tvl_definition = 'defi'
),

told as (
    select snapshot_on as date_day
    from {{ ref('int_raas_listings') }}
    union all
    select date_day
    from posted
    union all
    select date_day
    from activity
    union all
    select date_day
    from tvl
),

days as (
    select cast(unnest(generate_series(min(date_day), max(date_day), interval 1 day)) as date) as date_day
    from told
),

ever as (
    select
        rollup_id,
        bool_or(tx_count is not null) as has_tx_count,
        bool_or(txn_fee_native is not null) as has_fee
    from activity
    group by rollup_id
),

posting as (
    select distinct rollup_id
    from posted
)

select
    rollups.rollup_id,
    days.date_day,
    rollups.provider,
    rollups.name as rollup_name,
    rollups.chain_id,
    rollups.settlement_chain_id,
    rollups.da_layer_id,
    layers.native_asset_id as da_asset_id,
    listings.rollup_slug,
    listings.layer_level,
    listings.da_name,
    listings.last_block_at,
    listings.is_live as is_live_by_list,
    listings.tvl_btc,
    listings.tvl_usd as listed_tvl_usd,
    tvl.tvl_definition as chain_tvl_definition,
    tvl.tvl_usd as chain_tvl_usd,
    activity.tx_count,
    activity.txn_fee_native,
    activity.txn_fee_usd,
    case when activity.rollup_id is not null then 'day' end as activity_period,
    coalesce(ever.has_tx_count, false) as has_tx_count,
    coalesce(ever.has_fee, false) as has_fee,
    cast(posted.blob_bytes as bigint) as blob_bytes,
    posted.fee_utia,
    posting.rollup_id is not null as has_series,
    da_prices.price_usd as da_asset_price_usd,
    list_sort(
        list_distinct(
            coalesce(activity.source_ids, [])
            || [listings.source_id, tvl.source_id, posted.source_id]
            || [
                case when listings.tvl_usd is not null then listings.price_source_id end,
                case when posted.fee_utia is not null then da_prices.source_id end
            ]
        )
    ) as source_ids
from {{ ref('rollups') }} as rollups
cross join days
left join {{ ref('da_layers') }} as layers
    on rollups.da_layer_id = layers.da_layer_id
left join listings
    on rollups.rollup_id = listings.rollup_id and days.date_day = listings.snapshot_on and listings.place = 1
left join tvl
    on rollups.rollup_id = tvl.rollup_id and days.date_day = tvl.date_day
left join activity
    on rollups.rollup_id = activity.rollup_id and days.date_day = activity.date_day
left join ever
    on rollups.rollup_id = ever.rollup_id
left join posting
    on rollups.rollup_id = posting.rollup_id
left join posted
    on rollups.rollup_id = posted.rollup_id and days.date_day = posted.date_day
left join {{ ref('int_gas_prices') }} as da_prices
    on layers.native_asset_id = da_prices.asset_id and days.date_day = da_prices.date_day
