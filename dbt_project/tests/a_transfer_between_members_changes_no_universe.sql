-- Where both funds of every transfer are members, its legs and what is on its way cancel on every session.
{{ config(meta={'dagster': {'ref': {'name': 'etf_market_daily'}}}) }}
with closed_universes as (
    select universe.fund_universe
    from {{ ref('fund_universes') }} as universe
    inner join {{ ref('int_etf_corporate_actions') }} as actions
        on universe.fund_id = actions.fund_id
    left join {{ ref('fund_universes') }} as counterparty
        on
            universe.fund_universe = counterparty.fund_universe
            and actions.counterparty_fund_id = counterparty.fund_id
    group by universe.fund_universe
    having count(*) = count(counterparty.fund_id)
)

select
    daily.fund_universe,
    daily.trade_date,
    daily.corporate_action_effect_usd
from {{ ref('etf_market_daily') }} as daily
inner join closed_universes
    on daily.fund_universe = closed_universes.fund_universe
where daily.corporate_action_effect_usd <> 0
