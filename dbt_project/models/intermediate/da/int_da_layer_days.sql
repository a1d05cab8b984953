-- One row per layer and UTC day between the first and the last of which a price of data is known, with the
-- parameters in force.
{% set parameters = [
    'gas_per_blob_byte', 'share_bytes', 'first_share_bytes', 'next_share_bytes', 'fixed_gas',
    'min_gas_price_utia', 'gas_per_calldata_byte', 'gas_per_blob', 'bytes_per_blob', 'usable_bytes_per_blob',
    'min_blob_base_fee_wei', 'vbytes_per_witness_byte',
] %}
with told as (
    select date_day
    from {{ ref('int_da_measures') }}
    union all
    select date_day
    from {{ ref('int_ethereum_fee_days') }}
    union all
    select date_day
    from {{ ref('stg_mempool__fee_rates') }}
),

days as (
    select cast(unnest(generate_series(min(date_day), max(date_day), interval 1 day)) as date) as date_day
    from told
)

select
    layers.da_layer_id,
    days.date_day,
    layers.native_asset_id,
    layers.price_model,
    layers.has_feed,
    coalesce(days.date_day >= layers.launched_on, true) as is_launched,
    {%- for name in parameters %}
        max(case when parameters.parameter = '{{ name }}' then parameters.value end) as {{ name }},
    {%- endfor %}
    string_agg(
        parameters.parameter || '@' || parameters.valid_from, ','
        order by parameters.parameter, parameters.valid_from
    ) as parameter_version
from {{ ref('da_layers') }} as layers
cross join days
left join {{ ref('da_parameters') }} as parameters
    on
        layers.da_layer_id = parameters.da_layer_id
        and days.date_day >= parameters.valid_from
        and (parameters.valid_to is null or days.date_day <= parameters.valid_to)
group by
    layers.da_layer_id, days.date_day, layers.native_asset_id, layers.price_model, layers.has_feed,
    layers.launched_on
