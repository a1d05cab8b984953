-- Gross is in and out together, net is their difference, and sums since the start grow by the day. The day
-- before is only compared where the mart shows it.
with days as (
    select
        throughput.*,
        lag(date_day) over series as previous_day,
        lag(cumulative_deposit_btc) over series as previous_deposit_btc,
        lag(cumulative_withdrawal_btc) over series as previous_withdrawal_btc
    from {{ ref('bridge_throughput') }} as throughput
    window series as (partition by bridge_id order by date_day)
)

select
    bridge_id,
    date_day
from days
where
    gross_volume_btc <> deposit_btc + withdrawal_btc
    or net_inflow_btc <> deposit_btc - withdrawal_btc
    or fee_btc > gross_volume_btc
    or cumulative_gross_btc <> cumulative_deposit_btc + cumulative_withdrawal_btc
    or cumulative_net_btc <> cumulative_deposit_btc - cumulative_withdrawal_btc
    or (cumulative_gross_btc is null) <> (cumulative_reason is not null)
    or (
        previous_day + 1 = date_day
        and (
            cumulative_deposit_btc <> previous_deposit_btc + deposit_btc
            or cumulative_withdrawal_btc <> previous_withdrawal_btc + withdrawal_btc
        )
    )
