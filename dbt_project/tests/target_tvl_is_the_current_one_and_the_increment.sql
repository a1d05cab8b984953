-- To the cent, in every scenario and meaning of BTCFi's TVL that has all three.
select
    scenario_id,
    btcfi_tvl_definition,
    date_day,
    target_tvl_usd,
    current_tvl_usd,
    incremental_tvl_usd
from {{ ref('tvl_mcap_scenarios') }}
where current_tvl_usd + incremental_tvl_usd <> target_tvl_usd
