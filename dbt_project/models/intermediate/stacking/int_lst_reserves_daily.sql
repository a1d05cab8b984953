-- One row per liquid stacking protocol and UTC day: the STX of its reserve after the last block of the day.
with amounts as (
    select
        reserves.protocol_id,
        cast(blocks.asked_at - interval 1 day as date) as date_day,
        blocks.asked_at as observed_at,
        blocks.chain_id,
        blocks.index_block_hash,
        reserves.measure,
        -- STX has 6 decimal places
        try_cast(reserves.amount_ustx * 0.000001 as decimal(38, 8)) as amount_stx,
        reserves.source_id
    from {{ ref('stg_hiro__lst_reserves') }} as reserves
    inner join {{ ref('stg_hiro__stacks_blocks') }} as blocks
        on reserves.index_block_hash = blocks.index_block_hash
    where reserves.is_latest
)

select
    protocol_id,
    date_day,
    observed_at,
    chain_id,
    index_block_hash,
    max(amount_stx) filter (where measure = 'total') as total_stx,
    max(amount_stx) filter (where measure = 'total')
    - max(amount_stx) filter (where measure = 'withdrawal') as net_stx,
    min(source_id) as source_id
from amounts
group by protocol_id, date_day, observed_at, chain_id, index_block_hash
