-- From the day before the legal date to the day after: no flow of either fund above 20 % of the transfer.
-- One that is larger was booked on another date than `booked_on` says.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'int_etf_net_flow_btc'}}}) }}
select
    flows.fund_id,
    flows.trade_date,
    flows.net_flow_btc
from {{ ref('int_etf_net_flow_btc') }} as flows
inner join {{ ref('int_etf_corporate_actions') }} as actions
    on
        flows.source_id = actions.source_id
        and flows.fund_id in (actions.fund_id, actions.counterparty_fund_id)
        and actions.event = 'spin_off_out'
        and flows.trade_date between cast(actions.effective_on - interval 1 day as date)
        and cast(actions.effective_on + interval 1 day as date)
where abs(flows.net_flow_btc) > 0.2 * abs(actions.btc_amount)
