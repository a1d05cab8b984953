-- One row per universe and session since its first listing: how closely the universe's AUM per bitcoin
-- follows the price at the strike. Correlations over 60 sessions of log changes x of AUM per bitcoin and y
-- of the price, at lags k of -3 to 3 sessions: x of a session with y of the session k later. The later of
-- the two is one of the 60 sessions that end here, so nothing after the session is used. A price that is
-- itself made of the funds' AUM says nothing about them: it is left out, and without another one all are
-- NULL.
{% set lags = [-3, -2, -1, 0, 1, 2, 3] %}
{% set names = ['m3', 'm2', 'm1', '0', 'p1', 'p2', 'p3'] %}
with levels as (
    select
        fund_universe,
        trade_date,
        session_number,
        case
            when aum_usd > 0 and btc_held + in_transit_btc > 0
                then cast(aum_usd as double) / cast(btc_held + in_transit_btc as double)
        end as aum_per_btc,
        case when price_basis <> 'implied' and strike_price_usd > 0 then cast(strike_price_usd as double) end
            as price
    from {{ ref('int_etf_universe_daily') }}
),

-- to twelve decimals: exact from here on, so that no order of addition matters
changes as (
    select
        fund_universe,
        trade_date,
        session_number,
        cast(round(ln(aum_per_btc / lag(aum_per_btc) over series), 12) as decimal(15, 12)) as x,
        cast(round(ln(price / lag(price) over series), 12) as decimal(15, 12)) as y
    from levels
    window series as (partition by fund_universe order by session_number)
),

lags as (
    select unnest([{{ lags | join(', ') }}]) as lag_sessions
),

pairs as (
    select
        sessions.fund_universe,
        sessions.trade_date,
        sessions.session_number,
        lags.lag_sessions,
        case when priced.y is not null then valued.x end as x,
        case when valued.x is not null then priced.y end as y
    from changes as sessions
    cross join lags
    left join changes as valued
        on
            sessions.fund_universe = valued.fund_universe
            and sessions.session_number - greatest(lags.lag_sessions, 0) = valued.session_number
    left join changes as priced
        on
            sessions.fund_universe = priced.fund_universe
            and sessions.session_number + least(lags.lag_sessions, 0) = priced.session_number
),

sums as (
    select
        fund_universe,
        trade_date,
        lag_sessions,
        count(x) over last_60 as n,
        cast(sum(x) over last_60 as decimal(18, 12)) as sx,
        cast(sum(y) over last_60 as decimal(18, 12)) as sy,
        60 * sum(x * x) over last_60 as n_sxx,
        60 * sum(y * y) over last_60 as n_syy,
        60 * sum(x * y) over last_60 as n_sxy
    from pairs
    window last_60 as (
        partition by fund_universe, lag_sessions order by session_number
        rows between 59 preceding and current row
    )
),

correlations as (
    select
        fund_universe,
        trade_date,
        lag_sessions,
        case
            when n = 60
                then round(
                    cast(n_sxy - sx * sy as double)
                    / nullif(
                        sqrt(cast(n_sxx - sx * sx as double)) * sqrt(cast(n_syy - sy * sy as double)), 0
                    ), 8
                )
        end as correlation
    from sums
),

placed as (
    select
        correlations.*,
        row_number() over (
            partition by fund_universe, trade_date
            order by correlation desc nulls last, abs(lag_sessions) asc, lag_sessions asc
        ) as place
    from correlations
)

select
    fund_universe,
    trade_date,
    {% for lag in lags -%}
        max(case when lag_sessions = {{ lag }} then correlation end)
            as corr_lag_{{ names[loop.index0] }}_60s,
    {% endfor -%}
    cast(
        case
            when count(correlation) = {{ lags | length }} then max(case when place = 1 then lag_sessions end)
        end as integer
    ) as best_lag_sessions
from placed
group by fund_universe, trade_date
