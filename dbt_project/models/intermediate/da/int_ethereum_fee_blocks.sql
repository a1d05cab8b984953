-- One row per block of Ethereum with known base fees that lies between two known headers of one UTC day.
with days as (
    select
        chain_id,
        cast(block_at as date) as date_day,
        min(block_number) as first_block,
        max(block_number) as last_block
    from {{ ref('stg_ethereum_rpc__blocks') }}
    group by chain_id, cast(block_at as date)
)

select
    fees.chain_id,
    fees.block_number,
    days.date_day,
    days.first_block,
    days.last_block,
    fees.base_fee_wei,
    fees.blob_base_fee_wei,
    fees.source_id
from {{ ref('stg_ethereum_rpc__fee_history') }} as fees
inner join days
    on
        fees.chain_id = days.chain_id
        and fees.block_number between days.first_block and days.last_block
