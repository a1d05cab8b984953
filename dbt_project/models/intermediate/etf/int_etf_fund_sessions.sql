-- One row per fund and session on which it is listed: all that could be observed, so that a missing one
-- shows.
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
        funds.listed_on <= sessions.trade_date
        and (funds.delisted_on is null or funds.delisted_on >= sessions.trade_date)
where funds.is_us
