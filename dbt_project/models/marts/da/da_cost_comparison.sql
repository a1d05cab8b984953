-- One row per layer, basis and UTC day between the first and the last of which a price of data is known.
with baselines as (
    select
        date_day,
        max(case when da_layer_id = 'ethereum_calldata' then cost_usd end) as calldata_usd,
        max(case when da_layer_id = 'ethereum_blob' then cost_usd end) as blob_usd,
        max(case when da_layer_id = 'bitcoin_witness' then cost_usd end) as bitcoin_witness_usd
    from {{ ref('int_da_costs') }}
    where basis = 'analytic'
    group by date_day
),

-- layers that are cheaper on the day, by their rules
cheaper as (
    select
        costs.da_layer_id,
        costs.basis,
        costs.date_day,
        count(others.da_layer_id) as layers_cheaper
    from {{ ref('int_da_costs') }} as costs
    left join {{ ref('int_da_costs') }} as others
        on
            costs.date_day = others.date_day
            and costs.da_layer_id <> others.da_layer_id
            and others.basis = 'analytic'
            and costs.cost_usd > others.cost_usd
    where costs.cost_usd is not null
    group by costs.da_layer_id, costs.basis, costs.date_day
)

select
    costs.da_layer_id,
    costs.basis,
    costs.date_day,
    costs.payload_bytes,
    costs.blob_bytes,
    costs.native_asset_id,
    costs.native_per_mib,
    costs.asset_price_usd,
    cast(costs.cost_usd as decimal(38, 8)) as usd_per_mib,
    cast(costs.native_per_mib_excl_floor * costs.asset_price_usd as decimal(38, 8)) as usd_per_mib_excl_floor,
    costs.at_floor_price,
    {%- for name in ['calldata', 'blob', 'bitcoin_witness'] %}
        round(
            100 * (1 - cast(costs.cost_usd as double) / nullif(cast(baselines.{{ name }}_usd as double), 0)),
            6
        ) as reduction_vs_{{ name }}_pct,
    {%- endfor %}
    cast(1 + cheaper.layers_cheaper as integer) as cheapest_rank,
    costs.parameter_version,
    costs.reason,
    costs.source_ids
from {{ ref('int_da_costs') }} as costs
inner join baselines
    on costs.date_day = baselines.date_day
left join cheaper
    on
        costs.da_layer_id = cheaper.da_layer_id
        and costs.basis = cheaper.basis
        and costs.date_day = cheaper.date_day
where {{ in_window('costs.date_day') }}
