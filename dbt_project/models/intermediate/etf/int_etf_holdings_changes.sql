-- One row per fund and session with a holding: how it differs from what the same source prints for the
-- session before (from nothing, on the first session of a fund that starts empty).
select
    holdings.fund_id,
    holdings.trade_date,
    holdings.source_id,
    before.trade_date as previous_trade_date,
    cast(
        holdings.btc_held - case
            when before.fund_id is not null then before.btc_held
            when listed.fund_session_number = 1 and listed.starts_empty then 0
        end as decimal(18, 8)
    ) as btc_held_change
from {{ ref('int_etf_holdings_ranked') }} as holdings
inner join {{ ref('int_etf_fund_sessions') }} as listed
    on holdings.fund_id = listed.fund_id and holdings.trade_date = listed.trade_date
left join {{ ref('int_etf_holdings_united') }} as before
    on
        holdings.source_id = before.source_id
        and holdings.fund_id = before.fund_id
        and holdings.session_number - 1 = before.session_number
