-- One row per fund and session: flows summed from the listing, over the last 5, 21 and 63 sessions, and
-- from the quarter's start. Windows count sessions of the calendar: a sum is NULL where one of them was
-- not observed.
with flows as (
    select
        listed.fund_id,
        listed.trade_date,
        listed.fund_session_number,
        ranked.net_flow_usd,
        in_btc.net_flow_btc,
        date_trunc('quarter', listed.trade_date) as quarter_at
    from {{ ref('int_etf_fund_sessions') }} as listed
    left join {{ ref('int_etf_flows_ranked') }} as ranked
        on listed.fund_id = ranked.fund_id and listed.trade_date = ranked.trade_date
    left join {{ ref('int_etf_net_flow_btc') }} as in_btc
        on listed.fund_id = in_btc.fund_id and listed.trade_date = in_btc.trade_date
),

windows as (
    select
        fund_id,
        trade_date,
        fund_session_number,
        net_flow_usd,
        sum(net_flow_usd) over since_listing as sum_usd,
        count(net_flow_usd) over since_listing as count_usd,
        sum(net_flow_btc) over since_listing as sum_btc,
        count(net_flow_btc) over since_listing as count_btc,
        first_value(net_flow_usd) over since_listing as listing_flow_usd,
        sum(net_flow_usd) over last_5 as sum_5s_usd,
        count(net_flow_usd) over last_5 as count_5s,
        sum(net_flow_usd) over last_21 as sum_21s_usd,
        count(net_flow_usd) over last_21 as count_21s,
        sum(net_flow_usd) over last_63 as sum_63s_usd,
        count(net_flow_usd) over last_63 as count_63s,
        -- squares to four decimals: exact, so that the deviation does not depend on the order of addition
        sum(cast(net_flow_usd as decimal(34, 2)) * net_flow_usd) over last_63 as sum_63s_of_squares,
        max(net_flow_usd) over last_63 - min(net_flow_usd) over last_63 as range_63s_usd,
        sum(net_flow_usd) over this_quarter as sum_qtd_usd,
        count(net_flow_usd) over this_quarter as count_qtd,
        count(*) over this_quarter as sessions_qtd
    from flows
    window
        since_listing as (
            partition by fund_id order by trade_date rows between unbounded preceding and current row
        ),
        last_5 as (partition by fund_id order by trade_date rows between 4 preceding and current row),
        last_21 as (partition by fund_id order by trade_date rows between 20 preceding and current row),
        last_63 as (partition by fund_id order by trade_date rows between 62 preceding and current row),
        this_quarter as (
            partition by fund_id, quarter_at order by trade_date
            rows between unbounded preceding and current row
        )
)

select
    fund_id,
    trade_date,
    cast(case when count_usd = fund_session_number then sum_usd end as decimal(18, 2))
        as cumulative_net_flow_usd,
    cast(case when count_btc = fund_session_number then sum_btc end as decimal(18, 8))
        as cumulative_net_flow_btc,
    case
        when count_usd = fund_session_number and count_btc = fund_session_number then null
        when count_usd = fund_session_number then 'holdings_missing'
        when listing_flow_usd is null then 'not_covered_from_listing'
        else 'session_missing'
    end as cumulative_reason,
    cast(case when count_5s = 5 then sum_5s_usd end as decimal(18, 2)) as net_flow_5s_usd,
    cast(case when count_21s = 21 then sum_21s_usd end as decimal(18, 2)) as net_flow_21s_usd,
    cast(case when count_63s = 63 then sum_63s_usd end as decimal(18, 2)) as net_flow_63s_usd,
    cast(case when count_qtd = sessions_qtd then sum_qtd_usd end as decimal(18, 2)) as net_flow_qtd_usd,
    -- (x - mean) / sample deviation = (n x - S) / sqrt((n Q - S^2) n / (n - 1)), with n = 63
    case
        when count_63s = 63 and range_63s_usd > 0
            then round(
                cast(63 * net_flow_usd - sum_63s_usd as double) / sqrt(
                    cast(
                        cast(63 as decimal(2, 0)) * cast(sum_63s_of_squares as decimal(36, 4))
                        - cast(sum_63s_usd as decimal(36, 2)) * cast(sum_63s_usd as decimal(18, 2)) as double
                    ) * 63 / 62
                ), 8
            )
    end as net_flow_z_63s
from windows
