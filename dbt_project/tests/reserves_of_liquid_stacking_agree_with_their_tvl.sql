-- Otherwise the contract and the source of TVL do not speak of the same STX.
{{ config(severity='warn') }}
select
    entity_id,
    observed_on,
    source_a,
    source_b,
    difference_pct,
    reason
from {{ ref('reconciliation') }}
where check_id = 'lst_reserve_vs_protocol_tvl' and not within
