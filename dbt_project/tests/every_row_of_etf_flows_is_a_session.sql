-- A weekday on which the exchange was open, judged from the seed and not from int_sessions.
{{ config(meta={'dagster': {'ref': {'name': 'etf_flows'}}}) }}
select
    flows.fund_id,
    flows.trade_date
from {{ ref('etf_flows') }} as flows
left join {{ ref('market_exceptions') }} as exceptions
    on flows.trade_date = exceptions.date and exceptions.market = 'XNYS' and exceptions.kind = 'closed'
where exceptions.date is not null or isodow(flows.trade_date) > 5
