-- Otherwise the flow is wrong, or the holding is printed on another date than seeds.fund_reporting_lags says.
{{ config(severity='warn') }}
select
    entity_id,
    observed_on,
    source_a,
    source_b,
    difference_abs,
    reason
from {{ ref('reconciliation') }}
where check_id = 'flow_against_holdings' and not within
