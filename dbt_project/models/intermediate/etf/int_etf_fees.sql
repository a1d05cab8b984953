-- One row per fund and session: what the sponsor charges for a year at this AUM, and since the session
-- before. The accrual takes the AUM of the session before (this one's where it is not known) and, day by
-- day, the schedule in force. A fund's first session is one day of fees.
with aum as (
    select
        listed.fund_id,
        listed.trade_date,
        before.trade_date as previous_trade_date,
        case
            when listed.fund_session_number > 1 then listed.previous_trade_date
            else cast(listed.trade_date - interval 1 day as date)
        end as accrued_to_on,
        cast(valued.aum_usd as decimal(30, 2)) as aum_usd,
        cast(coalesce(before.aum_usd, valued.aum_usd) as decimal(30, 2)) as accrual_aum_usd
    from {{ ref('int_etf_fund_sessions') }} as listed
    left join {{ ref('int_etf_holdings_valued') }} as valued
        on listed.fund_id = valued.fund_id and listed.trade_date = valued.trade_date
    left join {{ ref('int_etf_holdings_valued') }} as before
        on listed.fund_id = before.fund_id and listed.session_number - 1 = before.session_number
),

-- the days (accrued_to_on, trade_date] in the period of each bracket, and the dollars in the bracket
bracketed as (
    select
        aum.*,
        brackets.fee_pct,
        brackets.above_usd,
        brackets.below_usd,
        least(coalesce(brackets.until_on - 1, aum.trade_date), aum.trade_date)
        - greatest(brackets.from_on - 1, aum.accrued_to_on) as days,
        brackets.until_on is null or aum.trade_date < brackets.until_on as is_in_force,
        least(aum.aum_usd, coalesce(brackets.below_usd, aum.aum_usd)) - brackets.above_usd as charged_usd,
        least(aum.accrual_aum_usd, coalesce(brackets.below_usd, aum.accrual_aum_usd))
        - brackets.above_usd as accrual_charged_usd
    from aum
    inner join {{ ref('int_etf_fee_brackets') }} as brackets
        on
            aum.fund_id = brackets.fund_id
            and aum.trade_date >= brackets.from_on
            and (brackets.until_on is null or aum.accrued_to_on + 1 < brackets.until_on)
),

summed as (
    select
        fund_id,
        trade_date,
        previous_trade_date,
        aum_usd,
        -- a fund with one rate has it whatever its AUM
        max(case when is_in_force and above_usd = 0 and below_usd is null then fee_pct end) as flat_fee_pct,
        max(case when is_in_force and (below_usd is null or aum_usd <= below_usd) then 1 end) as covers_aum,
        sum(case when is_in_force and charged_usd > 0 then charged_usd * fee_pct else 0 end) as year_pct_usd,
        sum(
            case
                when accrual_charged_usd > 0 then accrual_charged_usd * fee_pct * cast(days as decimal(5, 0))
                else 0
            end
        ) as day_pct_usd,
        max(accrual_aum_usd) as accrual_aum_usd,
        sum(case when above_usd = 0 then days end) as days_with_schedule,
        min(trade_date - accrued_to_on) as days_accrued
    from bracketed
    group by fund_id, trade_date, previous_trade_date, aum_usd
)

select
    fund_id,
    trade_date,
    previous_trade_date,
    cast(
        coalesce(
            flat_fee_pct,
            case
                when aum_usd > 0 and covers_aum = 1
                    then round(cast(year_pct_usd as double) / cast(aum_usd as double), 4)
            end
        ) as decimal(9, 4)
    ) as sponsor_fee_pct,
    case
        when accrual_aum_usd is not null and days_with_schedule = days_accrued
            then cast(round(cast(day_pct_usd as double) / 36500, 2) as decimal(18, 2))
    end as fee_accrual_usd,
    cast(case when covers_aum = 1 and aum_usd is not null then year_pct_usd * 0.01 end as decimal(18, 2))
        as est_annual_fee_usd
from summed
