-- One row per fund and session: for how many observed sessions in a row its flow has had one sign (minus
-- for outflows). A zero flow breaks a streak (0). A session that was not observed has none (NULL) and breaks
-- nothing: the next one of the same sign counts on.
with flows as (
    select
        listed.fund_id,
        listed.trade_date,
        cast(sign(ranked.net_flow_usd) as integer) as direction
    from {{ ref('int_etf_fund_sessions') }} as listed
    left join {{ ref('int_etf_flows_ranked') }} as ranked
        on listed.fund_id = ranked.fund_id and listed.trade_date = ranked.trade_date
),

steps as (
    select
        flows.*,
        lag(direction ignore nulls) over (partition by fund_id order by trade_date) as direction_before
    from flows
),

numbered as (
    select
        fund_id,
        trade_date,
        direction,
        sum(case when direction = direction_before or direction is null then 0 else 1 end) over (
            partition by fund_id order by trade_date rows between unbounded preceding and current row
        ) as streak_number
    from steps
)

select
    fund_id,
    trade_date,
    cast(
        direction * count(direction) over (
            partition by fund_id, streak_number order by trade_date
            rows between unbounded preceding and current row
        ) as integer
    ) as streak_sessions
from numbered
