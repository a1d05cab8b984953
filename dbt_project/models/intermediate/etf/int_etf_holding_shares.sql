-- One row per member of the universe us_all and session that it is listed on: its share of all members'
-- bitcoin. The 1 % rule: a member without a holding is missing, and its last known share is the one of
-- the last session that it was seen on. One missing member above 1 % voids the session for all; one
-- never seen does not.
with members as (
    select
        listed.fund_id,
        listed.trade_date,
        holdings.btc_held,
        sum(holdings.btc_held) over (partition by listed.trade_date) as total_btc
    from {{ ref('int_etf_fund_sessions') }} as listed
    inner join {{ ref('fund_universes') }} as universe
        on listed.fund_id = universe.fund_id and universe.fund_universe = 'us_all'
    left join {{ ref('int_etf_holdings_ranked') }} as holdings
        on listed.fund_id = holdings.fund_id and listed.trade_date = holdings.trade_date
),

weighed as (
    select
        members.*,
        last_value(cast(btc_held as decimal(38, 8)) * 100 > total_btc ignore nulls) over (
            partition by fund_id order by trade_date rows between unbounded preceding and current row
        ) as is_above_one_pct
    from members
),

judged as (
    select
        fund_id,
        trade_date,
        btc_held,
        total_btc,
        max(case when btc_held is null and is_above_one_pct then 1 else 0 end) over (
            partition by trade_date
        ) = 0 as is_complete,
        row_number() over (partition by trade_date order by btc_held desc nulls last, fund_id asc) as place
    from weighed
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
