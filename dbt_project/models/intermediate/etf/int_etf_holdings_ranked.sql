-- One row per fund and session: the holdings source that speaks for it. A source that prints a run of
-- sessions comes before one that prints a lone session (which can never give a change and would only
-- break the other's run); then the better rank decides, then the name.
with ranked as (
    select
        united.*,
        row_number() over (
            partition by fund_id, trade_date
            order by case when run_sessions > 1 then 0 else 1 end, source_rank nulls last, source_id
        ) as choice
    from {{ ref('int_etf_holdings_united') }} as united
)

select
    fund_id,
    trade_date,
    session_number,
    source_id,
    source_rank,
    print_number,
    btc_held,
    corporate_action_btc,
    aum_usd,
    nav_per_share_usd,
    shares_outstanding,
    is_estimated,
    run_number
from ranked
where choice = 1
