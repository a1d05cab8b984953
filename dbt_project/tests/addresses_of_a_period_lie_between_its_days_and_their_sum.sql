-- Who is active on a day is active in its week and month, and counts once there however many days it is. The
-- sum is only compared where the mart shows all days.
{{ config(severity='warn') }}
with compared as (
    select
        periods.chain_id,
        periods.period,
        periods.period_start,
        periods.active_addresses,
        max(days.active_addresses) as most_on_a_day,
        sum(days.active_addresses) as sum_of_days,
        count(*) = date_diff('day', periods.period_start, periods.period_end) as has_all_days
    from {{ ref('l2_activity') }} as periods
    inner join {{ ref('l2_activity') }} as days
        on
            periods.chain_id = days.chain_id
            and periods.address_definition = days.address_definition
            and periods.period_start <= days.period_start
            and periods.period_end > days.period_start
    where periods.period <> 'day' and days.period = 'day' and days.active_addresses is not null
    group by
        periods.chain_id, periods.period, periods.period_start, periods.period_end, periods.active_addresses
)

select
    chain_id,
    period,
    period_start,
    active_addresses,
    most_on_a_day,
    sum_of_days
from compared
where active_addresses < most_on_a_day or (has_all_days and active_addresses > sum_of_days)
