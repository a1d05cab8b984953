-- Otherwise the source answered one of two neighbouring instants from another state of the chain.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'int_btc_supply'}}}) }}
with instants as (
    select
        asked_at,
        height,
        lag(height) over (order by asked_at) as height_before
    from {{ ref('int_btc_supply') }}
)

select
    asked_at,
    height,
    height_before
from instants
where height < height_before
