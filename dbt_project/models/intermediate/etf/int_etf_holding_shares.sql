-- One row per member of the universe us_all and session that it is listed on: its share of all members'
-- bitcoin. A missing member that voids the total (int_etf_universe_members) voids the shares of all.
with judged as (
    select
        fund_id,
        trade_date,
        btc_held,
        sum(btc_held) over (partition by trade_date) as total_btc,
        not max(voids_holding) over (partition by trade_date) as is_complete,
        row_number() over (partition by trade_date order by btc_held desc nulls last, fund_id asc) as place
    from {{ ref('int_etf_universe_members') }}
    where fund_universe = 'us_all'
),

placed as (
    select
        fund_id,
        trade_date,
        is_complete,
        case
            when is_complete then round(cast(btc_held as double) / cast(total_btc as double) * 100, 6)
        end as share_of_fund_total_pct,
        case when is_complete and btc_held is not null then place end as rank_by_holdings
    from judged
),

numbered as (
    select
        placed.*,
        sum(case when rank_by_holdings = 1 then 0 else 1 end) over (
            partition by fund_id order by trade_date rows between unbounded preceding and current row
        ) as reign_number
    from placed
)

select
    fund_id,
    trade_date,
    is_complete,
    share_of_fund_total_pct,
    cast(rank_by_holdings as integer) as rank_by_holdings,
    rank_by_holdings = 1 as is_largest_holder,
    cast(
        case
            when rank_by_holdings is not null
                then count(case when rank_by_holdings = 1 then 1 end) over (
                    partition by fund_id, reign_number order by trade_date
                    rows between unbounded preceding and current row
                )
        end as integer
    ) as sessions_as_largest
from numbered
