-- One row per asset and UTC day: what the best-ranked source says of the end of the day, whole, and how far
-- the price of the next one is from it.
with ranked as (
    select
        united.*,
        row_number() over series as choice,
        count(*) over (partition by asset_id, date_day) as n_sources,
        lead(source_id) over series as next_source_id,
        lead(price_usd) over series as next_price_usd
    from {{ ref('int_asset_market_united') }} as united
    window series as (
        partition by asset_id, date_day order by source_rank nulls last, source_id
    )
)

select
    asset_id,
    date_day,
    observed_at,
    price_usd,
    market_cap_usd,
    circulating_supply,
    volume_24h_usd,
    source_id,
    source_rank,
    cast(n_sources as integer) as n_sources,
    next_source_id,
    price_usd - next_price_usd as disagreement_usd,
    round(cast(price_usd - next_price_usd as double) / cast(price_usd as double) * 100, 6)
        as disagreement_pct,
    run_number
from ranked
where choice = 1
