-- One row per vault protocol, chain where its assets lie, and day: what they are worth. They belong to the
-- chain that it is the vault of, wherever they lie.
select
    'vault' as tvl_definition,
    protocols.chain_id,
    latest.protocol_id,
    latest.chain_name,
    latest.date_day,
    latest.observed_at,
    latest.tvl_usd,
    latest.source_id,
    latest.tvl_component,
    latest.token_symbol,
    latest.run_number
from {{ ref('stg_defillama__protocol_tvl') }} as latest
inner join {{ ref('protocols') }} as protocols
    on latest.protocol_id = protocols.protocol_id
where
    latest.is_latest
    and latest.tvl_component = 'tvl'
    and latest.token_symbol = '*'
    and latest.tvl_usd is not null
    and protocols.role = 'vault'
    and protocols.chain_id is not null
