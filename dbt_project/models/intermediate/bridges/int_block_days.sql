-- One row per chain and UTC day between its first and its last known header: the known headers on either side
-- of 00:00, the start of the day. They are neighbours where the start is known to the block.
with first_month as (
    select cast(date_trunc('month', min(block_at)) as date) as month_start
    from {{ ref('stg_evm_rpc__blocks') }}
),

headers as (
    select
        blocks.chain_id,
        blocks.block_number,
        cast(blocks.block_at as date) as header_day,
        lag(blocks.block_number) over by_height as previous_block,
        -- before block 0 there is nothing to know: those days are told too, from the first month of any chain
        case
            when blocks.block_number = 0 then first_month.month_start - 1
            else lag(cast(blocks.block_at as date)) over by_height
        end as previous_day,
        blocks.source_id
    from {{ ref('stg_evm_rpc__blocks') }} as blocks
    cross join first_month
    window by_height as (partition by blocks.chain_id order by blocks.block_number)
),

-- a header and the one before it lie on either side of every start of a day between them
starts as (
    select
        chain_id,
        cast(
            unnest(generate_series(coalesce(previous_day + 1, header_day), header_day, interval 1 day))
            as date
        ) as date_day,
        previous_block,
        block_number,
        source_id
    from headers
    where previous_day is null or previous_day < header_day
)

-- where times fall with height, a day has several starts: the widest bracket holds them all
select
    chain_id,
    date_day,
    case when count(*) = count(previous_block) then min(previous_block) end as before_block,
    max(block_number) as after_block,
    coalesce(count(*) = count(previous_block) and max(block_number) = min(previous_block) + 1, false)
        as is_exact,
    min(source_id) as source_id
from starts
group by chain_id, date_day
