-- Between the first and the last height: without one there is no supply, and no market cap of bitcoin.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'int_btc_supply'}}}) }}
with known as (
    select
        min(asked_at) as first_at,
        max(asked_at) as last_at
    from {{ ref('int_btc_supply') }}
),

wanted as (
    select unnest(generate_series(date_trunc('day', first_at), last_at, interval 1 day)) as asked_at
    from known
    union all
    select nav_strike_at as asked_at
    from {{ ref('int_sessions') }}
)

select wanted.asked_at
from wanted
inner join known
    on wanted.asked_at between known.first_at and known.last_at
left join {{ ref('int_btc_supply') }} as supply
    on wanted.asked_at = supply.asked_at
where supply.asked_at is null
