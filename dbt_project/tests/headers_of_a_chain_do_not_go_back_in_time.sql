-- Otherwise a day has no one first block; the brackets of int_block_days are then wide and still hold.
{{ config(severity='warn') }}
with headers as (
    select
        chain_id,
        block_number,
        block_at,
        lag(block_at) over (partition by chain_id order by block_number) as previous_at
    from {{ ref('stg_evm_rpc__blocks') }}
)

select
    chain_id,
    block_number,
    block_at,
    previous_at
from headers
where block_at < previous_at
