-- One row per fund, period and bracket of AUM: the sponsor fee on a dollar of AUM in the bracket in that
-- period. A tier applies below its bound, the next tier to the rest. Tiers begin and end on days of
-- their own; a period is a stretch of days without a change. `until_on` is the first day after it, NULL
-- while it lasts.
with changes as (
    select
        fund_id,
        effective_from as from_on
    from {{ ref('fee_schedule') }}
    union
    select
        fund_id,
        effective_to + 1 as from_on
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
        schedule.applies_to_usd_below,
        row_number() over (
            partition by periods.fund_id, periods.from_on, schedule.tier order by schedule.effective_from desc
        ) as choice
    from periods
    inner join {{ ref('fee_schedule') }} as schedule
        on
            periods.fund_id = schedule.fund_id
            and periods.from_on >= schedule.effective_from
            and (schedule.effective_to is null or periods.from_on <= schedule.effective_to)
),

stacked as (
    select
        in_force.*,
        lag(applies_to_usd_below) over (partition by fund_id, from_on order by tier) as bound_before_usd,
        min(case when applies_to_usd_below is null then tier end) over (
            partition by fund_id, from_on
        ) as unbounded_tier
    from in_force
    where choice = 1
)

select
    fund_id,
    from_on,
    until_on,
    tier,
    fee_pct,
    cast(coalesce(bound_before_usd, 0) as decimal(18, 2)) as above_usd,
    applies_to_usd_below as below_usd
from stacked
-- a tier without a bound takes all the rest: nothing is left for one after it
where unbounded_tier is null or tier <= unbounded_tier
