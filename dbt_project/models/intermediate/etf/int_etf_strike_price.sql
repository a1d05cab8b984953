-- One row per session with a price of bitcoin at the strike, one for all funds: the hourly price of a feed,
-- and where there is none the price that the funds' AUM imply. That one is the median over funds of AUM per
-- bitcoin; a fund more than 5 % off the median of all is not used (early AUM rows of a source are wrong), and
-- the median is taken again over the others. Reported AUM counts within 5 % of the price used.
with funds as (
    select
        fund_id,
        trade_date,
        cast(aum_usd as double) / cast(btc_held as double) as price
    from {{ ref('int_etf_holdings_ranked') }}
    where aum_usd > 0 and btc_held > 0
),

first_median as (
    select
        trade_date,
        median(price) as price
    from funds
    group by trade_date
),

-- dollars have 16 digits before the point: a price of a hundred millions leaves no room for an amount
implied as (
    select
        funds.trade_date,
        cast(round(median(funds.price), 8) as decimal(18, 8)) as price_usd
    from funds
    inner join first_median
        on
            funds.trade_date = first_median.trade_date
            and abs(funds.price - first_median.price) <= 0.05 * first_median.price
    where funds.price < 1e8
    group by funds.trade_date
),

hourly as (
    select
        sessions.trade_date,
        prices.asset_id,
        prices.slot_at,
        cast(prices.price_usd as decimal(18, 8)) as price_usd
    from {{ ref('int_sessions') }} as sessions
    inner join {{ ref('int_asset_price_at') }} as prices
        on sessions.nav_strike_at = prices.slot_at
    where prices.asset_id = 'btc' and prices.price_usd < 1e8
),

used as (
    select
        coalesce(hourly.trade_date, implied.trade_date) as trade_date,
        coalesce(hourly.price_usd, implied.price_usd) as strike_price_usd,
        case when hourly.trade_date is not null then 'price_feed' else 'implied' end as price_basis,
        implied.price_usd as implied_strike_price_usd,
        hourly.asset_id as price_asset_id,
        hourly.slot_at as price_slot_at
    from hourly
    full outer join implied
        on hourly.trade_date = implied.trade_date
),

in_band as (
    select
        used.trade_date,
        list_sort(list(funds.fund_id)) as fund_ids
    from used
    inner join funds
        on
            used.trade_date = funds.trade_date
            and abs(funds.price - cast(used.strike_price_usd as double))
            <= 0.05 * cast(used.strike_price_usd as double)
    group by used.trade_date
)

select
    used.trade_date,
    used.strike_price_usd,
    used.price_basis,
    used.implied_strike_price_usd,
    coalesce(in_band.fund_ids, []) as fund_ids,
    used.price_asset_id,
    used.price_slot_at,
    case when used.price_basis = 'implied' then used.trade_date end as implied_on
from used
left join in_band
    on used.trade_date = in_band.trade_date
