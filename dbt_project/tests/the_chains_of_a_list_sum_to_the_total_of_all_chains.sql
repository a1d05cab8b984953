-- Within the tolerance of the check: the list is of the moment that it was asked at, the total of the 00:00
-- before.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'reconciliation'}}}) }}
select
    observed_on,
    value_a as total_usd,
    value_b as chains_usd,
    difference_abs as difference_usd
from {{ ref('reconciliation') }}
where check_id = 'tvl_sum_of_members' and not within
