-- Latest runs of a session: the funds' cells against the page's total, within 0.15 US$m (0.6 while
-- provisional).
{{ config(severity='warn') }}
select
    trade_date,
    sum(net_flow_usd) as funds_usd,
    max_by(printed_total_usd, fetched_at) as total_usd
from {{ ref('stg_farside__etf_flows') }}
where is_latest and printed_total_usd is not null
group by trade_date
having
    abs(sum(net_flow_usd) - max_by(printed_total_usd, fetched_at))
    > case when max(case when is_provisional then 1 else 0 end) = 1 then 600000 else 150000 end
