-- One row per fund and session on which it is listed: every row that could be observed, so that a missing one shows.
select
    funds.fund_id,
    sessions.trade_date,
    sessions.session_number,
    sessions.previous_trade_date,
    cast(
        row_number() over (partition by funds.fund_id order by sessions.trade_date) as integer
    ) as fund_session_number,
    funds.starts_empty,
    sessions.nav_strike_at
from {{ ref('funds') }} as funds
inner join {{ ref('int_sessions') }} as sessions
    on
        sessions.trade_date >= funds.listed_on
        and (funds.delisted_on is null or sessions.trade_date <= funds.delisted_on)
where funds.is_us
