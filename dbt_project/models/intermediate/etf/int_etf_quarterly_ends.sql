-- One row per scope, member fund and quarter: what the fund held after the last session of the quarter (none
-- while it is not over, or where the fund is not listed any more), how that differs from the quarter before,
-- the corporate actions booked in it, and what the fund filed. A quarter end may be no session: the last one
-- at or before it counts.
with members as (
    select
        scope,
        scope_id,
        fund_id,
        quarter_start,
        cast(quarter_start + interval 3 month - interval 1 day as date) as quarter_end,
        max(trade_date) as last_listed_on,
        max_by(is_holding_needed, trade_date) as is_needed
    from {{ ref('int_etf_quarterly_sessions') }}
    group by scope, scope_id, fund_id, quarter_start
),

ends as (
    select
        cast(date_trunc('quarter', trade_date) as date) as quarter_start,
        max(trade_date) as ended_on
    from {{ ref('int_sessions') }}
    group by date_trunc('quarter', trade_date)
    having cast(date_trunc('quarter', max(trade_date)) + interval 3 month as timestamp) <= {{ as_of() }}
),

-- a change is between two prints of one source: the best one that has both
both_ends as (
    select
        this_one.fund_id,
        ends.quarter_start,
        this_one.source_id,
        before_ends.ended_on as previous_ended_on,
        this_one.btc_held - before.btc_held as btc_held_change,
        row_number() over (
            partition by this_one.fund_id, ends.quarter_start
            order by this_one.source_rank nulls last, this_one.source_id
        ) as choice
    from ends
    inner join ends as before_ends
        on ends.quarter_start = cast(before_ends.quarter_start + interval 3 month as date)
    inner join {{ ref('int_etf_holdings_united') }} as this_one
        on ends.ended_on = this_one.trade_date
    inner join {{ ref('int_etf_holdings_united') }} as before
        on
            before_ends.ended_on = before.trade_date
            and this_one.fund_id = before.fund_id
            and this_one.source_id = before.source_id
),

-- the quarter of the listing starts from nothing where the fund does
listings as (
    select
        fund_id,
        cast(date_trunc('quarter', trade_date) as date) as quarter_start
    from {{ ref('int_etf_fund_sessions') }}
    where fund_session_number = 1 and starts_empty
),

speakers as (
    select
        fund_id,
        cast(date_trunc('quarter', trade_date) as date) as quarter_start,
        max_by(source_id, trade_date) as source_id
    from {{ ref('int_etf_holdings_ranked') }}
    group by fund_id, date_trunc('quarter', trade_date)
),

held as (
    select
        members.scope,
        members.scope_id,
        members.fund_id,
        members.quarter_start,
        members.quarter_end,
        members.is_needed,
        members.last_listed_on = ends.ended_on as is_listed_at_end,
        ends.ended_on,
        holdings.source_id,
        holdings.btc_held as btc_held_end,
        valued.aum_usd as aum_end_usd,
        both_ends.previous_ended_on,
        coalesce(
            both_ends.source_id, case when listings.fund_id is not null then holdings.source_id end
        ) as change_source_id,
        coalesce(
            both_ends.btc_held_change, case when listings.fund_id is not null then holdings.btc_held end
        ) as btc_held_change,
        coalesce(both_ends.source_id, speakers.source_id) as action_source_id
    from members
    left join ends
        on members.quarter_start = ends.quarter_start
    left join {{ ref('int_etf_holdings_ranked') }} as holdings
        on members.fund_id = holdings.fund_id and ends.ended_on = holdings.trade_date
    left join {{ ref('int_etf_holdings_valued') }} as valued
        on members.fund_id = valued.fund_id and ends.ended_on = valued.trade_date
    left join both_ends
        on
            members.fund_id = both_ends.fund_id
            and members.quarter_start = both_ends.quarter_start
            and both_ends.choice = 1
    left join listings
        on members.fund_id = listings.fund_id and members.quarter_start = listings.quarter_start
    left join speakers
        on members.fund_id = speakers.fund_id and members.quarter_start = speakers.quarter_start
),

booked as (
    select
        source_id,
        fund_id,
        cast(date_trunc('quarter', booked_on) as date) as quarter_start,
        sum(btc_amount) as btc_amount
    from {{ ref('int_etf_corporate_actions') }}
    where booked_on <= {{ as_of() }}
    group by source_id, fund_id, date_trunc('quarter', booked_on)
)

select
    held.scope,
    held.scope_id,
    held.fund_id,
    held.quarter_start,
    held.quarter_end,
    held.is_needed,
    held.is_listed_at_end,
    held.ended_on,
    held.source_id,
    held.btc_held_end,
    held.aum_end_usd,
    held.previous_ended_on,
    held.change_source_id,
    cast(held.btc_held_change as decimal(18, 8)) as btc_held_change,
    cast(
        case when held.action_source_id is not null then coalesce(booked.btc_amount, 0) end as decimal(18, 8)
    ) as corporate_action_btc,
    filings.btc_held as filing_btc,
    filings.source_id as filing_source_id
from held
left join booked
    on
        held.action_source_id = booked.source_id
        and held.fund_id = booked.fund_id
        and held.quarter_start = booked.quarter_start
left join {{ ref('int_etf_quarter_ends') }} as filings
    on held.fund_id = filings.fund_id and held.quarter_end = filings.period_end
