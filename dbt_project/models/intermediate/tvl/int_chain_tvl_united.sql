-- One row per chain, definition of TVL and day whose level is known at as_of. all_chains is the source's
-- own total.
select
    chain_id,
    tvl_definition,
    date_day,
    observed_at,
    tvl_usd,
    source_id,
    run_number
from {{ ref('stg_defillama__chain_tvl') }}
where is_latest and tvl_usd is not null
union all
select
    chain_id,
    tvl_definition,
    date_day,
    observed_at,
    tvl_usd,
    source_id,
    cast(null as integer) as run_number
from {{ ref('int_vault_tvl_daily') }}
where tvl_usd is not null
