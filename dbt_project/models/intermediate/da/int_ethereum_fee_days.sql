-- One row per UTC day with a block of Ethereum whose base fees are known: their means over these blocks,
-- where all twelve stretches of the day are known.
{% set stretches_a_day = 12 %} {# pipelines/feeds/ethereum_fees.py: SAMPLES_A_DAY #}
with blocks as (
    select
        blocks.*,
        coalesce(blocks.block_number - 1 > lag(blocks.block_number) over (
            partition by blocks.chain_id, blocks.date_day order by blocks.block_number
        ), true) as starts_stretch,
        -- by the rule of the protocol, as typed by hand
        coalesce(blocks.blob_base_fee_wei > floors.value, false) as is_above_floor
    from {{ ref('int_ethereum_fee_blocks') }} as blocks
    left join {{ ref('da_parameters') }} as floors
        on
            floors.da_layer_id = 'ethereum_blob'
            and floors.parameter = 'min_blob_base_fee_wei'
            and blocks.date_day >= floors.valid_from
            and (floors.valid_to is null or blocks.date_day <= floors.valid_to)
),

days as (
    select
        chain_id,
        date_day,
        count(*) as blocks_known,
        count(*) filter (where starts_stretch) as stretches_known,
        count(blob_base_fee_wei) as blob_blocks_known,
        count(*) filter (where is_above_floor) as blocks_above_floor,
        sum(base_fee_wei) as base_fee_wei,
        sum(blob_base_fee_wei) as blob_base_fee_wei,
        sum(blob_base_fee_wei) filter (where is_above_floor) as blob_base_fee_wei_above_floor,
        min(source_id) as source_id
    from blocks
    group by chain_id, date_day
)

select
    chain_id,
    date_day,
    blocks_known,
    stretches_known,
    blob_blocks_known,
    blocks_above_floor,
    stretches_known >= {{ stretches_a_day }} as is_covered,
    {%- for fee, count in [
        ('base_fee_wei', 'blocks_known'),
        ('blob_base_fee_wei', 'blob_blocks_known'),
        ('blob_base_fee_wei_above_floor', 'blocks_above_floor'),
    ] %}
    -- the mean of a DECIMAL is DOUBLE; it is rounded once
        case
            when stretches_known >= {{ stretches_a_day }}
                then cast(round(cast({{ fee }} as double) / nullif({{ count }}, 0), 8) as decimal(38, 8))
        end as {{ fee }},
    {%- endfor %}
    source_id
from days
