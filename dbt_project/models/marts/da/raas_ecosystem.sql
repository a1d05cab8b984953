-- One row per rollup under study and UTC day between the first and the last of which a source says something
-- of any of them.
with plans as (
    -- the newest statement of each provider that is not after the day
    select
        days.rollup_id,
        days.date_day,
        max_by(facts.value_num, facts.effective_on) as plan_price_usd_month
    from {{ ref('int_raas_days') }} as days
    inner join {{ ref('curated_facts') }} as facts
        on
            days.provider = facts.subject_id
            and facts.metric_id = 'plan_price'
            and facts.unit = 'usd_per_month'
            and days.date_day >= facts.effective_on
    group by days.rollup_id, days.date_day
),

-- of all that the provider has listed on the day, rollups whose data goes where this one's goes
shares as (
    select
        days.rollup_id,
        days.date_day,
        count(*) as rollups_alike
    from {{ ref('int_raas_days') }} as days
    inner join {{ ref('int_raas_listings') }} as listings
        on
            days.provider = listings.provider
            and days.date_day = listings.snapshot_on
            and days.da_name = listings.da_name
    group by days.rollup_id, days.date_day
),

valued as (
    select
        days.*,
        providers.tvl_usd as provider_tvl_usd,
        providers.rollups_live as provider_live_rollups,
        round(
            100 * cast(shares.rollups_alike as double)
            / nullif(cast(providers.rollups_listed as double), 0),
            6
        ) as provider_da_share_pct,
        providers.snapshot_on is not null as is_list_known,
        providers.rollups_listed,
        providers.is_tvl_told,
        providers.source_ids as provider_source_ids,
        plans.plan_price_usd_month,
        cast(
            round(cast(days.fee_utia as double) / 1e6 * cast(days.da_asset_price_usd as double), 2)
            as decimal(18, 2)
        ) as da_cost_usd
    from {{ ref('int_raas_days') }} as days
    left join {{ ref('int_raas_provider_days') }} as providers
        on days.provider = providers.provider and days.date_day = providers.snapshot_on
    left join shares
        on days.rollup_id = shares.rollup_id and days.date_day = shares.date_day
    left join plans
        on days.rollup_id = plans.rollup_id and days.date_day = plans.date_day
)

select
    rollup_id,
    date_day,
    provider,
    rollup_name,
    layer_level,
    settlement_chain_id,
    da_layer_id,
    coalesce(is_live_by_list, case when tx_count > 0 then true end) as is_live,
    last_block_at,
    case
        when rollup_slug is not null then null
        when is_list_known then 'not_listed'
        else 'no_list_of_the_day'
    end as listing_reason,

    tvl_btc,
    coalesce(listed_tvl_usd, chain_tvl_usd) as tvl_usd,
    case
        when listed_tvl_usd is not null then 'listed'
        when chain_tvl_usd is not null then chain_tvl_definition
    end as tvl_basis,
    case
        when coalesce(listed_tvl_usd, chain_tvl_usd) is not null then null
        when tvl_btc is not null then 'no_price'
        when rollup_slug is not null then 'not_told'
        when is_list_known then 'not_listed'
        else 'no_list_of_the_day'
    end as tvl_reason,

    tx_count,
    case
        when tx_count is not null then null
        when chain_id is null then 'no_chain'
        when has_tx_count then 'not_covered'
        else 'no_series'
    end as tx_count_reason,
    txn_fee_usd as fee_usd,
    case
        when txn_fee_usd is not null then null
        when txn_fee_native is not null then 'no_price'
        when chain_id is null then 'no_chain'
        when has_fee then 'not_covered'
        else 'no_series'
    end as fee_reason,

    blob_bytes,
    da_cost_usd,
    case
        when da_cost_usd is not null and blob_bytes is not null then null
        when has_series and fee_utia is not null and blob_bytes is not null then 'no_price'
        when has_series then 'not_covered'
        when da_layer_id = 'celestia' then 'no_namespace_known'
        else 'no_series'
    end as da_reason,

    cast(plan_price_usd_month as decimal(18, 2)) as plan_price_usd_month,
    case when plan_price_usd_month is null then 'no_statement_by_then' end as plan_price_reason,

    provider_tvl_usd,
    cast(provider_live_rollups as integer) as provider_live_rollups,
    provider_da_share_pct,
    case
        when provider_tvl_usd is not null then null
        when not is_list_known then 'no_list_of_the_day'
        when rollups_listed = 0 then 'not_listed'
        when is_tvl_told then 'no_price'
        else 'not_told'
    end as provider_reason,

    list_sort(list_distinct(source_ids || coalesce(provider_source_ids, []))) as source_ids
from valued
where {{ in_window('date_day') }}
