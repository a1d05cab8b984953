-- One row per bridge and UTC day with a transfer, whether or not the day is covered. What was refunded,
-- reclaimed or rejected is counted and is no volume.
with transfers as (
    select *
    from {{ ref('int_bridge_transfers') }}
    where date_day is not null
),

moved as (
    select
        bridge_id,
        date_day,
        count(*) as volume_count,
        count(*) filter (where direction = 'deposit') as deposit_count,
        count(*) filter (where direction = 'withdrawal') as withdrawal_count,
        count(distinct case when direction = 'deposit' then account end) as depositors,
        sum(case when direction = 'deposit' then gross_btc end) as deposit_btc,
        sum(case when direction = 'withdrawal' then gross_btc end) as withdrawal_btc,
        -- not known where a transfer does not say its fee
        case when count(*) filter (where is_btc) = count(fee_btc) then coalesce(sum(fee_btc), 0) end
            as fee_btc,
        count(gross_usd) as priced_count,
        sum(gross_usd) as gross_usd,
        list_sort(list(distinct price_source_id) filter (where gross_usd is not null)) as price_source_ids,
        count(case when direction = 'deposit' then gross_btc end) as btc_deposit_count,
        percentile_disc(0.5) within group (order by gross_btc) filter (where direction = 'deposit')
            as median_deposit_btc,
        percentile_disc(0.9) within group (order by gross_btc) filter (where direction = 'deposit')
            as p90_deposit_btc
    from transfers
    where not is_returned
    group by bridge_id, date_day
),

returned as (
    select
        bridge_id,
        date_day,
        count(*) as reclaimed_count
    from transfers
    where is_returned
    group by bridge_id, date_day
),

first_days as (
    select
        bridge_id,
        account,
        min(date_day) as first_day,
        min(case when direction = 'deposit' then date_day end) as first_deposit_day
    from transfers
    where not is_returned and account is not null
    group by bridge_id, account
),

new_users as (
    select
        bridge_id,
        first_day as date_day,
        count(*) as new_users
    from first_days
    group by bridge_id, first_day
),

new_depositors as (
    select
        bridge_id,
        first_deposit_day as date_day,
        count(*) as new_depositors
    from first_days
    where first_deposit_day is not null
    group by bridge_id, first_deposit_day
),

days as (
    select distinct
        bridge_id,
        date_day
    from transfers
)

select
    days.bridge_id,
    days.date_day,
    coalesce(moved.volume_count, 0) as volume_count,
    coalesce(moved.deposit_count, 0) as deposit_count,
    coalesce(moved.withdrawal_count, 0) as withdrawal_count,
    coalesce(returned.reclaimed_count, 0) as reclaimed_count,
    coalesce(moved.depositors, 0) as depositors,
    coalesce(new_depositors.new_depositors, 0) as new_depositors,
    coalesce(new_users.new_users, 0) as new_users,
    cast(coalesce(moved.deposit_btc, 0) as decimal(18, 8)) as deposit_btc,
    cast(coalesce(moved.withdrawal_btc, 0) as decimal(18, 8)) as withdrawal_btc,
    cast(case when moved.bridge_id is null then 0 else moved.fee_btc end as decimal(18, 8)) as fee_btc,
    -- NULL where there is volume and none of it has a price
    cast(case when moved.bridge_id is null then 0 else moved.gross_usd end as decimal(18, 2))
        as gross_volume_usd,
    coalesce(moved.volume_count - moved.priced_count, 0) as unpriced_count,
    -- a mean needs one true division
    cast(
        round(cast(moved.deposit_btc as double) / nullif(moved.btc_deposit_count, 0), 8) as decimal(18, 8)
    ) as mean_deposit_btc,
    moved.median_deposit_btc,
    moved.p90_deposit_btc,
    coalesce(moved.price_source_ids, []) as price_source_ids
from days
left join moved
    on days.bridge_id = moved.bridge_id and days.date_day = moved.date_day
left join returned
    on days.bridge_id = returned.bridge_id and days.date_day = returned.date_day
left join new_users
    on days.bridge_id = new_users.bridge_id and days.date_day = new_users.date_day
left join new_depositors
    on days.bridge_id = new_depositors.bridge_id and days.date_day = new_depositors.date_day
