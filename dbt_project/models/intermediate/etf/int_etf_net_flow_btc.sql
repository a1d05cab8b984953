-- One row per fund and session: the bitcoin that came in or went out on that session, from the holdings.
-- A source with a reporting lag prints it `lag_sessions` later: the change is read there, less the
-- corporate action booked there. The best-ranked source that prints both ends is taken, also where another
-- one speaks for the holding. The first print of a fund that starts empty, if not later than the lag
-- explains, is its first flow.
with prints as (
    select
        flow_session.fund_id,
        flow_session.trade_date,
        holdings.source_id,
        holdings.trade_date as printed_on,
        before.trade_date as printed_before_on,
        coalesce(lags.lag_sessions, 0) as lag_sessions,
        holdings.btc_held - holdings.corporate_action_btc - case
            when before.fund_id is not null then before.btc_held
            when
                flow_session.starts_empty
                and flow_session.fund_session_number = 1
                and holdings.print_number = 1
                then 0
        end as net_flow_btc,
        holdings.source_rank
    from {{ ref('int_etf_fund_sessions') }} as flow_session
    cross join {{ ref('sources') }} as sources
    left join {{ ref('fund_reporting_lags') }} as lags
        on
            sources.source_id = lags.source_id
            and flow_session.fund_id = lags.fund_id
            and flow_session.trade_date >= lags.valid_from
            and (lags.valid_to is null or flow_session.trade_date <= lags.valid_to)
    inner join {{ ref('int_etf_holdings_united') }} as holdings
        on
            flow_session.fund_id = holdings.fund_id
            and sources.source_id = holdings.source_id
            and flow_session.session_number + coalesce(lags.lag_sessions, 0) = holdings.session_number
    left join {{ ref('int_etf_holdings_united') }} as before
        on
            holdings.source_id = before.source_id
            and holdings.fund_id = before.fund_id
            and holdings.session_number - 1 = before.session_number
    where sources.rank_holding is not null
),

ranked as (
    select
        prints.*,
        row_number() over (
            partition by fund_id, trade_date order by source_rank nulls last, source_id
        ) as choice
    from prints
    where net_flow_btc is not null
)

select
    fund_id,
    trade_date,
    cast(net_flow_btc as decimal(18, 8)) as net_flow_btc,
    source_id,
    lag_sessions,
    printed_on,
    printed_before_on
from ranked
where choice = 1
