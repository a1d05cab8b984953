-- One row per set of chains, definition of TVL, and month, quarter or year in which a member is observed. A
-- period of which the window shows a day has the figures of the whole period.
select
    chain_set_id,
    tvl_definition,
    period,
    period_start,
    period_end,
    start_on,
    end_on,
    start_share_pct,
    end_share_pct,
    mean_share_pct,
    multiple_ratio,
    growth_pct,
    start_tvl_usd,
    end_tvl_usd,
    cr3_end_pct,
    top3_end_chain_ids,
    days_present,
    is_complete,
    reason,
    source_ids
from {{ ref('int_sidechain_share_periods') }} as periods
where
    exists (
        select 1
        from {{ ref('int_chain_sets_daily') }} as days
        where
            days.chain_set_id = periods.chain_set_id
            and days.tvl_definition = periods.tvl_definition
            and days.date_day between periods.period_start and periods.period_end
            and {{ in_window('days.date_day') }}
    )
