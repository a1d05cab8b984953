-- One row per fund, period and bracket of AUM: the sponsor fee that a dollar of AUM in the bracket pays in the period.
-- A tier applies below its bound, the next tier to the rest. Tiers begin and end on days of their own; a period is a
-- stretch of days without a change. `until_on` is the first day after it, NULL while it lasts.
with changes as (
    select fund_id, effective_from as from_on
    from {{ ref('fee_schedule') }}
    union
    select fund_id, effective_to + 1 as from_on
    from {{ ref('fee_schedule') }}
    where effective_to is not null
),

periods as (
    select
        fund_id,
        from_on,
        lead(from_on) over (partition by fund_id order by from_on) as until_on
    from changes
),

in_force as (
    select
        periods.fund_id,
        periods.from_on,
        periods.until_on,
        schedule.tier,
        schedule.fee_pct,
        -- the largest amount that DECIMAL(18, 2) holds stands for "no bound"
        coalesce(schedule.applies_to_usd_below, 9999999999999999.99) as below_usd,
        row_number() over (
            partition by periods.fund_id, periods.from_on, schedule.tier order by schedule.effective_from desc
        ) as choice
    from periods
    inner join {{ ref('fee_schedule') }} as schedule
        on
            periods.fund_id = schedule.fund_id
            and periods.from_on >= schedule.effective_from
            and (schedule.effective_to is null or periods.from_on <= schedule.effective_to)
)

select
    fund_id,
    from_on,
    until_on,
    tier,
    fee_pct,
    cast(coalesce(lag(below_usd) over (partition by fund_id, from_on order by tier), 0) as decimal(18, 2))
        as above_usd,
    cast(below_usd as decimal(18, 2)) as below_usd
from in_force
where choice = 1
