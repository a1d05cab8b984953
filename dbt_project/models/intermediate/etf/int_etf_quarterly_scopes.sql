-- One row per scope and member fund: each fund by itself, the funds of an issuer, those of a universe.
select
    'fund' as scope,
    fund_id as scope_id,
    fund_id
from {{ ref('funds') }}
where is_us
union all
select
    'issuer' as scope,
    issuer_id as scope_id,
    fund_id
from {{ ref('funds') }}
where is_us
union all
select
    'universe' as scope,
    universes.fund_universe as scope_id,
    universes.fund_id
from {{ ref('fund_universes') }} as universes
inner join {{ ref('funds') }} as funds
    on universes.fund_id = funds.fund_id and funds.is_us
