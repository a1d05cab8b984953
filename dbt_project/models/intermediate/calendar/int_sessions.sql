-- One row per session of the New York exchange (XNYS), from five days before the first fund's listing to the
-- day of as_of: the strike before the listing is there to value it from. The strike of a session is 16:00 in
-- New York, on early-close days too.
with bounds as (
    select
        min(cast(listed_on as timestamp)) - interval 5 day as first_at,
        date_trunc('day', {{ as_of() }}) as last_at
    from {{ ref('funds') }}
    where is_us
),

days as (
    select cast(unnest(generate_series(first_at, last_at, interval 1 day)) as date) as trade_date
    from bounds
),

closed as (
    select date as trade_date
    from {{ ref('market_exceptions') }}
    where market = 'XNYS' and kind = 'closed'
),

sessions as (
    select days.trade_date
    from days
    left join closed on days.trade_date = closed.trade_date
    where isodow(days.trade_date) <= 5 and closed.trade_date is null
)

select
    trade_date,
    cast(row_number() over (order by trade_date) as integer) as session_number,
    lag(trade_date) over (order by trade_date) as previous_trade_date,
    timezone('UTC', timezone('America/New_York', trade_date + time '16:00')) as nav_strike_at
from sessions
