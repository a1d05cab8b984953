-- Each share is rounded to six places: n of them are within n times 1e-6 of 100.
select
    trade_date,
    sum(share_of_fund_total_pct) as total_pct
from {{ ref('int_etf_holding_shares') }}
where is_complete and share_of_fund_total_pct is not null
group by trade_date
having abs(sum(share_of_fund_total_pct) - 100) > 1e-6 * count(*)
