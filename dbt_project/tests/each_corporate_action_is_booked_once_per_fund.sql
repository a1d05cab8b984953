-- No event of a fund has two bookings at one source; each booking on a printed session is in the
-- holdings, whole.
{{ config(meta={'dagster': {'ref': {'name': 'int_etf_holdings_united'}}}) }}
with bookings as (
    select
        source_id,
        fund_id,
        event,
        effective_on,
        min(booked_on) as booked_on,
        sum(btc_amount) as btc_amount,
        count(*) as bookings
    from {{ ref('int_etf_corporate_actions') }}
    group by source_id, fund_id, event, effective_on
),

shown as (
    select
        source_id,
        fund_id,
        sum(corporate_action_btc) as btc_amount
    from {{ ref('int_etf_holdings_united') }}
    group by source_id, fund_id
),

expected as (
    select
        printed.source_id,
        printed.fund_id,
        sum(coalesce(bookings.btc_amount, 0)) as btc_amount
    from {{ ref('int_etf_holdings_united') }} as printed
    left join bookings
        on
            printed.source_id = bookings.source_id
            and printed.fund_id = bookings.fund_id
            and printed.trade_date = bookings.booked_on
    group by printed.source_id, printed.fund_id
)

select
    source_id,
    fund_id,
    'booked more than once' as fault
from bookings
where bookings > 1
union all
select
    expected.source_id,
    expected.fund_id,
    'not booked as the seed says' as fault
from expected
left join shown
    on expected.source_id = shown.source_id and expected.fund_id = shown.fund_id
where shown.btc_amount is distinct from expected.btc_amount
