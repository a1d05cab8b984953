-- 10000 / n to 10000, to the four decimals that it is rounded to.
{{ config(meta={'dagster': {'ref': {'name': 'etf_concentration'}}}) }}
select
    fund_universe,
    trade_date,
    hhi_fund,
    hhi_issuer
from {{ ref('etf_concentration') }}
where
    hhi_fund not between 10000.0 / n_funds - 0.0001 and 10000.0001
    or hhi_issuer not between 10000.0 / n_issuers - 0.0001 and 10000.0001
