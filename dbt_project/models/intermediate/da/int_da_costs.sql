-- One row per layer, basis and UTC day: what a mebibyte costs in the layer's coin, and why that is not known.
-- Observed: fees over bytes of the day. Analytic: gas (or virtual bytes) that the layer's rules ask for a
-- mebibyte, times the price of the day.
{% set payload_bytes = 1048576 %}
with posted as (
    select
        da_layer_id,
        date_day,
        max(case when measure = 'blob_bytes' then value end) as blob_bytes,
        max(case when measure = 'fee' then value end) as fee_utia,
        max(case when measure = 'gas_price' then value end) as gas_price_utia,
        min(source_id) as source_id
    from {{ ref('int_da_measures') }}
    group by da_layer_id, date_day
),

told_of as (
    select distinct da_layer_id
    from posted
),

observed as (
    select
        layer_days.da_layer_id,
        'observed' as basis,
        layer_days.date_day,
        cast(posted.blob_bytes as bigint) as blob_bytes,
        cast(
            round(
                cast(posted.fee_utia as double) * {{ payload_bytes }} / 1e6
                / nullif(cast(posted.blob_bytes as double), 0),
                18
            ) as decimal(38, 18)
        ) as native_per_mib,
        posted.gas_price_utia <= layer_days.min_gas_price_utia as at_floor_price,
        case
            when told_of.da_layer_id is null then 'no_series_of_fees_and_bytes'
            when posted.blob_bytes = 0 then 'nothing_posted'
            when posted.blob_bytes is null or posted.fee_utia is null then 'not_covered'
        end as price_reason,
        posted.da_layer_id as posted_layer_id,
        posted.source_id
    from {{ ref('int_da_layer_days') }} as layer_days
    left join told_of
        on layer_days.da_layer_id = told_of.da_layer_id
    left join posted
        on layer_days.da_layer_id = posted.da_layer_id and layer_days.date_day = posted.date_day
),

rules as (
    select
        layer_days.da_layer_id,
        layer_days.date_day,
        layer_days.price_model,
        -- gas, or virtual bytes
        cast(
            case layer_days.price_model
                when 'gas_price' then {{ celestia_gas(payload_bytes, 'layer_days') }}
                when 'base_fee' then {{ payload_bytes }} * layer_days.gas_per_calldata_byte
                when 'blob_base_fee'
                    then
                        {{ ethereum_blobs(payload_bytes, 'layer_days.usable_bytes_per_blob') }}
                        * layer_days.gas_per_blob
                when 'feerate' then {{ payload_bytes }} * layer_days.vbytes_per_witness_byte
            end as decimal(18, 2)
        ) as quantity,
        cast(
            case layer_days.price_model
                when 'gas_price' then layer_days.min_gas_price_utia
                when 'base_fee' then gas.base_fee_wei
                when 'blob_base_fee' then gas.blob_base_fee_wei
                -- rounded to 0, it is not known
                when 'feerate' then nullif(feerates.median_feerate_sat_vb, 0)
            end as decimal(38, 8)
        ) as unit_price,
        case layer_days.price_model
            when 'gas_price' then 0.000001
            when 'feerate' then 0.00000001
            else 0.000000000000000001
        end as coins_per_unit,
        case layer_days.price_model
            when 'gas_price' then true
            when 'blob_base_fee' then gas.blocks_above_floor = 0
            else false
        end as at_floor_price,
        gas.blob_base_fee_wei_above_floor,
        feerates.median_feerate_sat_vb = 0 as is_rounded_to_zero,
        gas.chain_id as gas_chain_id,
        feerates.chain_id as feerate_chain_id,
        feerates.run_number as feerate_run_number,
        case layer_days.price_model
            when 'feerate' then feerates.source_id
            when 'gas_price' then null
            else gas.source_id
        end as source_id
    from {{ ref('int_da_layer_days') }} as layer_days
    left join {{ ref('int_ethereum_fee_days') }} as gas
        on
            layer_days.price_model in ('base_fee', 'blob_base_fee')
            and gas.chain_id = 'ethereum'
            and layer_days.date_day = gas.date_day
    left join {{ ref('stg_mempool__fee_rates') }} as feerates
        on
            layer_days.price_model = 'feerate'
            and feerates.chain_id = 'bitcoin'
            and feerates.is_latest
            and layer_days.date_day = feerates.date_day
),

analytic as (
    select
        da_layer_id,
        'analytic' as basis,
        date_day,
        cast(null as bigint) as blob_bytes,
        cast(quantity * unit_price * cast(coins_per_unit as decimal(18, 18)) as decimal(38, 18))
            as native_per_mib,
        cast(
            quantity
            * case
                when price_model = 'blob_base_fee' then blob_base_fee_wei_above_floor
                when not at_floor_price then unit_price
            end
            * cast(coins_per_unit as decimal(18, 18)) as decimal(38, 18)
        ) as native_per_mib_excl_floor,
        at_floor_price,
        case
            when quantity is null then 'no_parameter'
            when is_rounded_to_zero then 'price_rounded_to_zero'
            when unit_price is null then 'not_covered'
        end as price_reason,
        gas_chain_id,
        feerate_chain_id,
        feerate_run_number,
        source_id
    from rules
),

united as (
    select
        da_layer_id,
        basis,
        date_day,
        blob_bytes,
        native_per_mib,
        case when not at_floor_price then native_per_mib end as native_per_mib_excl_floor,
        at_floor_price,
        price_reason,
        posted_layer_id,
        cast(null as varchar) as gas_chain_id,
        cast(null as varchar) as feerate_chain_id,
        cast(null as integer) as feerate_run_number,
        source_id
    from observed
    union all
    select
        da_layer_id,
        basis,
        date_day,
        blob_bytes,
        native_per_mib,
        native_per_mib_excl_floor,
        at_floor_price,
        price_reason,
        cast(null as varchar) as posted_layer_id,
        gas_chain_id,
        feerate_chain_id,
        feerate_run_number,
        source_id
    from analytic
),

-- a rule that is not in force yet, or that nobody told the price for, says nothing
known as (
    select
        united.*,
        layer_days.native_asset_id,
        layer_days.parameter_version,
        prices.price_usd as asset_price_usd,
        prices.source_id as price_source_id,
        case
            when not layer_days.has_feed then 'no_free_source'
            when not layer_days.is_launched then 'not_launched'
            else united.price_reason
        end as cost_reason
    from united
    inner join {{ ref('int_da_layer_days') }} as layer_days
        on united.da_layer_id = layer_days.da_layer_id and united.date_day = layer_days.date_day
    left join {{ ref('int_gas_prices') }} as prices
        on layer_days.native_asset_id = prices.asset_id and united.date_day = prices.date_day
)

select
    da_layer_id,
    basis,
    date_day,
    cast({{ payload_bytes }} as bigint) as payload_bytes,
    blob_bytes,
    native_asset_id,
    parameter_version,
    asset_price_usd,
    case when cost_reason is null then native_per_mib end as native_per_mib,
    case when cost_reason is null then at_floor_price end as at_floor_price,
    case when cost_reason is null then native_per_mib_excl_floor end as native_per_mib_excl_floor,
    -- not rounded: a blob at the floor costs less than a hundred-millionth of a dollar
    case when cost_reason is null then cast(native_per_mib * asset_price_usd as decimal(38, 26)) end
        as cost_usd,
    coalesce(cost_reason, case when asset_price_usd is null then 'no_price' end) as reason,
    posted_layer_id,
    gas_chain_id,
    feerate_chain_id,
    feerate_run_number,
    list_sort(
        list_distinct(
            [case when cost_reason is null then source_id end, price_source_id]
        )
    ) as source_ids
from known
