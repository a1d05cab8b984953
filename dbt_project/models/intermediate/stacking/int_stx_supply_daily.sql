-- One row per UTC day: the supply of STX after its last block.
select
    supply.asset_id,
    cast(blocks.asked_at - interval 1 day as date) as date_day,
    blocks.asked_at as observed_at,
    blocks.chain_id,
    supply.block_height,
    supply.circulating_supply,
    supply.total_supply,
    supply.source_id
from {{ ref('stg_hiro__stx_supply') }} as supply
inner join {{ ref('stg_hiro__stacks_blocks') }} as blocks
    on supply.block_height = blocks.stacks_height
where supply.asset_id = 'stx'
