-- One row per provider under study and UTC day of a list: what all its listed rollups come to. A sum is not
-- known unless all its parts are.
with providers as (
    select distinct provider
    from {{ ref('rollups') }}
)

select
    providers.provider,
    listings.snapshot_on,
    count(*) filter (where listings.provider = providers.provider) as rollups_listed,
    count(*) filter (where listings.provider = providers.provider and listings.is_live) as rollups_live,
    bool_and(listings.tvl_btc is not null) filter (where listings.provider = providers.provider)
        as is_tvl_told,
    case
        when bool_and(listings.tvl_usd is not null) filter (where listings.provider = providers.provider)
            then cast(
                sum(listings.tvl_usd) filter (where listings.provider = providers.provider)
                as decimal(18, 2)
            )
    end as tvl_usd,
    list_sort(list_distinct(list(listings.source_id) || list(listings.price_source_id))) as source_ids
from {{ ref('int_raas_listings') }} as listings
cross join providers
group by providers.provider, listings.snapshot_on
