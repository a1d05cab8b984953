-- Whatever the height is.
{{ config(meta={'dagster': {'ref': {'name': 'int_btc_supply'}}}) }}
select
    asked_at,
    height,
    issued_btc
from {{ ref('int_btc_supply') }}
where issued_btc < 50 or issued_btc >= 21000000
