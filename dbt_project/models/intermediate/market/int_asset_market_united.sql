-- One row per source, asset and UTC day: what the source says at as_of of the end of the day. DefiLlama gives
-- a price and nothing else.
{% set feeds = ['stg_coinmetrics__asset_market', 'stg_coingecko__asset_market'] %}
{% set columns = [
    'source_id', 'asset_id', 'date_day', 'observed_at', 'price_usd', 'market_cap_usd', 'circulating_supply',
    'volume_24h_usd', 'run_number', 'is_latest',
] %}
with markets as (
    {{ union_feeds(feeds, columns) }}
),

observations as (
    select
        markets.*,
        cast(null as timestamp) as priced_at
    from markets
    union all
    select
        source_id,
        asset_id,
        cast(slot_at - interval 1 day as date) as date_day,
        slot_at as observed_at,
        price_usd,
        cast(null as decimal(38, 8)) as market_cap_usd,
        cast(null as decimal(38, 8)) as circulating_supply,
        cast(null as decimal(38, 8)) as volume_24h_usd,
        run_number,
        is_latest,
        priced_at
    from {{ ref('stg_defillama__prices_daily') }}
)

select
    latest.source_id,
    latest.asset_id,
    latest.date_day,
    latest.observed_at,
    sources.rank_price as source_rank,
    latest.price_usd,
    latest.priced_at,
    latest.market_cap_usd,
    latest.circulating_supply,
    latest.volume_24h_usd,
    latest.run_number
from observations as latest
left join {{ ref('sources') }} as sources
    on latest.source_id = sources.source_id
where latest.is_latest and latest.price_usd is not null
