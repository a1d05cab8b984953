-- One row per session on which funds report AUM: one price of bitcoin at the strike, for all funds.
-- Until a price feed exists it is the median over funds of AUM per bitcoin. A fund more than 5 % off the
-- median of all is not used (early AUM rows of the source are wrong); the median is taken again over the
-- others.
with implied as (
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
    from implied
    group by trade_date
)

select
    implied.trade_date,
    cast(round(median(implied.price), 8) as decimal(18, 8)) as strike_price_usd,
    list_sort(list_distinct(list(implied.fund_id))) as fund_ids
from implied
inner join first_median
    on
        implied.trade_date = first_median.trade_date
        and abs(implied.price - first_median.price) <= 0.05 * first_median.price
-- dollars have 16 digits before the point: a price of a hundred millions would leave no room for an amount
where implied.price < 1e8
group by implied.trade_date
