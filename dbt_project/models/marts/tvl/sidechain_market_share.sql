-- One row per set of chains, definition of TVL, member and day on which it is observed: its level, its
-- place in the set, and the set's in all chains and beside bitcoin's market cap.
with levels as (
    select
        united.*,
        count(*) over last_7_days as days_7d,
        sum(tvl_usd) over last_7_days as sum_7d_usd,
        min(tvl_usd) over day_before as previous_usd,
        min(tvl_usd) over day_30_before as previous_30d_usd
    from {{ ref('int_chain_tvl_united') }} as united
    window
        last_7_days as (
            partition by chain_id, tvl_definition order by date_day
            range between interval 6 day preceding and current row
        ),
        day_before as (
            partition by chain_id, tvl_definition order by date_day
            range between interval 1 day preceding and interval 1 day preceding
        ),
        day_30_before as (
            partition by chain_id, tvl_definition order by date_day
            range between interval 30 day preceding and interval 30 day preceding
        )
),

deduplicated as (
    select
        net.*,
        -- known only where it is known of every member
        case
            when
                count(*) over (partition by chain_set_id, tvl_definition, date_day)
                = count(tvl_deduplicated_usd) over (partition by chain_set_id, tvl_definition, date_day)
                then sum(tvl_deduplicated_usd) over (partition by chain_set_id, tvl_definition, date_day)
        end as set_deduplicated_usd
    from {{ ref('int_chain_set_members_net') }} as net
)

select
    net.chain_set_id,
    net.tvl_definition,
    net.chain_id,
    net.date_day,
    chains.name as chain_name,
    chains.layer_class,
    net.observed_at,

    net.tvl_usd,
    cast(round(cast(net.tvl_usd as double) / cast(bitcoin.price_usd as double), 8) as decimal(18, 8))
        as tvl_btc,
    net.tvl_deduplicated_usd,
    net.tvl_native_usd,
    cast(
        case when levels.days_7d = 7 then round(cast(levels.sum_7d_usd as double) / 7, 2) end
        as decimal(18, 2)
    ) as tvl_7d_mean_usd,
    round((cast(net.tvl_usd as double) / cast(levels.previous_usd as double) - 1) * 100, 6)
        as tvl_change_1d_pct,
    round((cast(net.tvl_usd as double) / cast(levels.previous_30d_usd as double) - 1) * 100, 6)
        as tvl_change_30d_pct,

    round(100 * cast(net.tvl_usd as double) / cast(sets.set_tvl_usd as double), 6)
        as share_of_set_pct,
    case
        when sets.share_reason is null and net.set_deduplicated_usd > 0
            then
                round(
                    100 * cast(net.tvl_deduplicated_usd as double)
                    / cast(net.set_deduplicated_usd as double), 6
                )
    end as share_of_set_deduplicated_pct,
    case when sets.share_reason is null then net.place end as rank_in_set,
    sets.set_tvl_usd,
    sets.set_members,
    sets.set_members_present,
    sets.missing_members,
    sets.share_reason,
    sets.cr3_pct,
    sets.top3_chain_ids,
    sets.hhi,

    sets.all_chains_tvl_usd,
    round(100 * cast(net.tvl_usd as double) / cast(sets.all_chains_tvl_usd as double), 6)
        as share_of_all_chains_pct,
    sets.set_share_of_all_chains_pct,
    round(100 * cast(net.tvl_usd as double) / cast(bitcoin.market_cap_usd as double), 6)
        as tvl_over_btc_market_cap_pct,
    round(cast(vault.tvl_usd as double) / cast(defi.tvl_usd as double), 8) as vault_over_defi_ratio,

    net.date_day = last_day(net.date_day) as is_month_end,
    net.date_day = last_day(net.date_day) and month(net.date_day) % 3 = 0 as is_quarter_end,
    net.date_day = last_day(net.date_day) and month(net.date_day) = 12 as is_year_end,
    list_sort(list_distinct(list_concat(sets.source_ids, bitcoin.source_ids))) as source_ids
from deduplicated as net
inner join {{ ref('int_chain_sets_daily') }} as sets
    on
        net.chain_set_id = sets.chain_set_id
        and net.tvl_definition = sets.tvl_definition
        and net.date_day = sets.date_day
inner join levels
    on
        net.chain_id = levels.chain_id
        and net.tvl_definition = levels.tvl_definition
        and net.date_day = levels.date_day
left join {{ ref('chains') }} as chains
    on net.chain_id = chains.chain_id
left join {{ ref('int_btc_market_daily') }} as bitcoin
    on net.date_day = bitcoin.date_day
left join {{ ref('int_chain_tvl_united') }} as defi
    on net.chain_id = defi.chain_id and net.date_day = defi.date_day and defi.tvl_definition = 'defi'
left join {{ ref('int_chain_tvl_united') }} as vault
    on net.chain_id = vault.chain_id and net.date_day = vault.date_day and vault.tvl_definition = 'vault'
where {{ in_window('net.date_day') }}
