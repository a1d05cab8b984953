-- One row per universe, session and transfer of bitcoin between two members of which one has booked its leg
-- and the other has not: what is on its way, from the side of the member that has booked (out: positive).
-- A leg is booked once the fund is seen with a holding on or after the booking of the source that speaks for
-- it; while the fund is not seen, what was last seen stands.
with legs as (
    select
        sessions.trade_date,
        actions.action_id,
        actions.fund_id,
        actions.counterparty_fund_id,
        actions.effective_on,
        last_value(
            case
                when holdings.fund_id is not null
                    then coalesce(booked.booked_on <= sessions.trade_date, false)
            end ignore nulls
        ) over leg as is_booked,
        last_value(booked.btc_amount ignore nulls) over leg as btc_amount
    from (
        select distinct
            action_id,
            fund_id,
            counterparty_fund_id,
            effective_on
        from {{ ref('int_etf_corporate_actions') }}
        where counterparty_fund_id is not null
    ) as actions
    cross join {{ ref('int_sessions') }} as sessions
    left join {{ ref('int_etf_holdings_ranked') }} as holdings
        on actions.fund_id = holdings.fund_id and sessions.trade_date = holdings.trade_date
    left join {{ ref('int_etf_corporate_actions') }} as booked
        on
            holdings.source_id = booked.source_id
            and actions.action_id = booked.action_id
            and actions.fund_id = booked.fund_id
    window leg as (
        partition by actions.action_id, actions.fund_id order by sessions.trade_date
        rows between unbounded preceding and current row
    )
)

select
    universe.fund_universe,
    one_leg.trade_date,
    one_leg.fund_id,
    one_leg.counterparty_fund_id,
    cast(sum(-one_leg.btc_amount) as decimal(18, 8)) as in_transit_btc
from legs as one_leg
left join legs as other_leg
    on
        one_leg.trade_date = other_leg.trade_date
        and one_leg.fund_id = other_leg.counterparty_fund_id
        and one_leg.counterparty_fund_id = other_leg.fund_id
        and one_leg.effective_on = other_leg.effective_on
inner join {{ ref('fund_universes') }} as universe
    on one_leg.fund_id = universe.fund_id
inner join {{ ref('fund_universes') }} as counterparty
    on
        one_leg.counterparty_fund_id = counterparty.fund_id
        and universe.fund_universe = counterparty.fund_universe
where one_leg.is_booked and not coalesce(other_leg.is_booked, false)
group by universe.fund_universe, one_leg.trade_date, one_leg.fund_id, one_leg.counterparty_fund_id
