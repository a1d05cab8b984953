-- From the first hourly price of bitcoin on. Such a session has a price that the funds' own AUM imply.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'int_asset_price_at'}}}) }}
with priced as (
    select
        min(slot_at) as first_at,
        max(slot_at) as last_at
    from {{ ref('int_asset_price_at') }}
    where asset_id = 'btc'
)

select
    sessions.trade_date,
    sessions.nav_strike_at
from {{ ref('int_sessions') }} as sessions
inner join priced
    on sessions.nav_strike_at between priced.first_at and priced.last_at
left join {{ ref('int_asset_price_at') }} as strike
    on sessions.nav_strike_at = strike.slot_at and strike.asset_id = 'btc'
where strike.price_usd is null
