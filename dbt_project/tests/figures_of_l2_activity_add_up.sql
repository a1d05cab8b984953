-- Weeks and months are the sums of their days where the mart shows them all; totals go with their reasons.
with summed as (
    select
        periods.chain_id,
        periods.period,
        periods.period_start,
        periods.tx_count,
        periods.txn_fee_usd,
        sum(days.tx_count) as tx_count_of_days,
        sum(days.txn_fee_usd) as txn_fee_usd_of_days,
        count(days.tx_count) = date_diff('day', periods.period_start, periods.period_end) as has_counts,
        count(days.txn_fee_usd) = date_diff('day', periods.period_start, periods.period_end) as has_fees
    from {{ ref('l2_activity') }} as periods
    inner join {{ ref('l2_activity') }} as days
        on
            periods.chain_id = days.chain_id
            and days.period = 'day'
            and periods.period_start <= days.period_start
            and periods.period_end > days.period_start
    where periods.period <> 'day'
    group by
        periods.chain_id, periods.period, periods.period_start, periods.period_end, periods.tx_count,
        periods.txn_fee_usd
)

select
    chain_id,
    period,
    period_start
from summed
where
    (has_counts and tx_count is distinct from tx_count_of_days)
    or (has_fees and txn_fee_usd is distinct from txn_fee_usd_of_days)
union all
select
    chain_id,
    period,
    period_start
from {{ ref('l2_activity') }}
where
    (cumulative_addresses is null) <> (cumulative_reason is not null)
    or active_addresses > active_addresses_peak
    or is_complete_period <> (coverage_pct = 100)
    or coverage_pct > 100
    or coverage_pct < 0
