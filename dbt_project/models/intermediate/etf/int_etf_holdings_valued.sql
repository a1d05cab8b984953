-- One row per fund and session with a holding: its value as reported (inside the 5 % band of the strike
-- price), else as bitcoin held times the strike price; and the value at the strike price in any case.
with priced as (
    select
        holdings.fund_id,
        holdings.trade_date,
        holdings.session_number,
        holdings.source_id,
        holdings.btc_held,
        holdings.aum_usd as reported_aum_usd,
        coalesce(list_contains(strike.fund_ids, holdings.fund_id), false) as is_in_band,
        strike.strike_price_usd,
        -- a product of two DECIMAL(18, x) stays 18 digits wide unless one of them is widened first
        cast(cast(holdings.btc_held as decimal(38, 8)) * strike.strike_price_usd as decimal(18, 2))
            as market_value_usd
    from {{ ref('int_etf_holdings_ranked') }} as holdings
    left join {{ ref('int_etf_strike_price') }} as strike
        on holdings.trade_date = strike.trade_date
)

select
    fund_id,
    trade_date,
    session_number,
    source_id,
    btc_held,
    case when is_in_band then reported_aum_usd else market_value_usd end as aum_usd,
    case
        when is_in_band then 'reported'
        when market_value_usd is not null then 'derived'
    end as aum_basis,
    strike_price_usd,
    market_value_usd
from priced
