-- One row per universe, session, level and holder of bitcoin: the funds, and their issuers. An issuer holds
-- what its funds hold and what is in transit from one of them.
with held as (
    select
        fund_universe,
        trade_date,
        'fund' as holder_level,
        fund_id as holder_id,
        btc_held
    from {{ ref('int_etf_universe_members') }}
    where btc_held is not null
    union all
    select
        members.fund_universe,
        members.trade_date,
        'issuer' as holder_level,
        funds.issuer_id as holder_id,
        members.btc_held
    from {{ ref('int_etf_universe_members') }} as members
    inner join {{ ref('funds') }} as funds
        on members.fund_id = funds.fund_id
    where members.btc_held is not null
    union all
    select
        transit.fund_universe,
        transit.trade_date,
        'issuer' as holder_level,
        funds.issuer_id as holder_id,
        transit.in_transit_btc as btc_held
    from {{ ref('int_etf_in_transit') }} as transit
    inner join {{ ref('funds') }} as funds
        on transit.fund_id = funds.fund_id
    inner join {{ ref('int_etf_universe_daily') }} as daily
        on transit.fund_universe = daily.fund_universe and transit.trade_date = daily.trade_date
    where daily.btc_held is not null
),

summed as (
    select
        fund_universe,
        trade_date,
        holder_level,
        holder_id,
        sum(btc_held) as btc_held
    from held
    group by fund_universe, trade_date, holder_level, holder_id
)

select
    fund_universe,
    trade_date,
    holder_level,
    holder_id,
    cast(btc_held as decimal(18, 8)) as btc_held,
    cast(
        row_number() over (
            partition by fund_universe, trade_date, holder_level order by btc_held desc, holder_id asc
        ) as integer
    ) as place
from summed
