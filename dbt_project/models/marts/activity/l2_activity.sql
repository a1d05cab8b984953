-- One row per chain and day, week or month of which a source says something.
with measures as (
    -- what the days of a chain are held against: transactions and fees where it has them on any day
    select
        chain_id,
        bool_or(metric_id = 'tx_count') as has_tx_count,
        bool_or(metric_id = 'txn_fee_native') as has_fee,
        bool_or(metric_id = 'cumulative_addresses') as has_cumulative
    from {{ ref('int_chain_stats_ranked') }}
    group by chain_id
),

named as (
    select
        wide.*,
        chains.name as chain_name,
        chains.layer_class,
        chains.gas_asset_id,
        coalesce(
            wide.active_addresses_definition, wide.new_addresses_definition, totals.definition
        ) as address_definition,
        totals.cumulative_addresses as total_addresses,
        totals.definition as total_definition,
        totals.source_ids as total_source_ids,
        measures.has_tx_count,
        measures.has_fee,
        measures.has_cumulative,
        chains.launched_on
    from {{ ref('int_activity_wide') }} as wide
    inner join {{ ref('chains') }} as chains
        on wide.chain_id = chains.chain_id
    inner join measures
        on wide.chain_id = measures.chain_id
    left join {{ ref('int_cumulative_addresses') }} as totals
        on wide.chain_id = totals.chain_id and wide.period_end = totals.period_end
),

defined as (
    select
        named.* exclude (new_addresses, total_addresses),
        case when new_addresses_definition = address_definition then new_addresses end as new_addresses,
        case when total_definition = address_definition then total_addresses end as cumulative_addresses,
        case
            when not has_cumulative then 'no_series'
            when launched_on is null then 'launch_not_known'
            when total_addresses is null then 'not_covered_from_launch'
            when total_definition <> address_definition then 'other_definition'
        end as cumulative_reason,
        -- days with a count of transactions, and days with a fee
        case
            when has_tx_count or has_fee
                then
                    case when has_tx_count then coalesce(tx_count_days, 0) else 0 end
                    + case when has_fee then coalesce(txn_fee_native_days, 0) else 0 end
            else coalesce(fees_usd_days, 0)
        end as days_covered,
        case
            when has_tx_count or has_fee
                then
                    case when has_tx_count then coalesce(tx_count_days_wanted, days_wanted) else 0 end
                    + case when has_fee then coalesce(txn_fee_native_days_wanted, days_wanted) else 0 end
            else coalesce(fees_usd_days_wanted, days_wanted)
        end as days_to_cover,
        max(active_addresses) over before_it as highest_before
    from named
    window before_it as (
        partition by chain_id, period, address_definition order by period_start
        rows between unbounded preceding and 1 preceding
    )
),

peaked as (
    select
        defined.*,
        max(active_addresses) over so_far as active_addresses_peak,
        max(case when active_addresses > coalesce(highest_before, -1) then period_start end) over so_far
            as active_addresses_peak_on
    from defined
    window so_far as (
        partition by chain_id, period, address_definition order by period_start
        rows between unbounded preceding and current row
    )
)

select
    peaked.chain_id,
    peaked.period,
    peaked.period_start,
    peaked.period_end,
    peaked.chain_name,
    peaked.layer_class,
    peaked.days_covered = peaked.days_to_cover as is_complete_period,

    peaked.tx_count,
    peaked.operational_tx_count,
    round(cast(peaked.tx_count as double) / (86400 * peaked.tx_count_days), 8) as tx_per_sec,

    peaked.active_addresses,
    peaked.address_definition,
    peaked.new_addresses,
    peaked.cumulative_addresses,
    peaked.cumulative_reason,
    peaked.participating_addresses,
    peaked.active_contracts,
    peaked.new_contracts,
    peaked.gas_used,

    peaked.txn_fee_native,
    peaked.l1_data_fee_native,
    peaked.gas_asset_id,
    cast(peaked.txn_fee_usd as decimal(18, 2)) as txn_fee_usd,
    cast(
        round(cast(peaked.txn_fee_usd as double) / nullif(cast(peaked.tx_count as double), 0), 8)
        as decimal(38, 8)
    ) as fee_per_tx_usd,
    cast(peaked.fees_usd as decimal(18, 2)) as fees_usd,
    trends.txn_fee_30d_native,
    trends.txn_fee_30d_usd,

    case
        when peaked.period = 'day'
            then round(
                cast(peaked.tx_count as double) / nullif(cast(peaked.active_addresses as double), 0), 8
            )
    end as tx_per_active_address,
    trends.tx_slope_30d,
    trends.tx_slope_r2_30d,
    trends.tx_slope_90d,
    case when peaked.active_addresses is not null then peaked.active_addresses_peak end
        as active_addresses_peak,
    case when peaked.active_addresses is not null then peaked.active_addresses_peak_on end
        as active_addresses_peak_on,

    round(
        100 * cast(peaked.days_covered as double) / nullif(cast(peaked.days_to_cover as double), 0), 6
    ) as coverage_pct,
    list_sort(
        list_distinct(
            peaked.source_ids
            || case when peaked.cumulative_addresses is not null then peaked.total_source_ids else [] end
        )
    ) as source_ids
from peaked
left join {{ ref('int_activity_trends') }} as trends
    on
        peaked.chain_id = trends.chain_id
        and peaked.period = 'day'
        and peaked.period_start = trends.date_day
where {{ in_window('peaked.period_start') }}
