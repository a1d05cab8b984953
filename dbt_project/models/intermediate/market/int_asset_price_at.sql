-- One row per asset and full hour since its first hourly price, to two hours after its last: the price of
-- that hour, or of the hour or two before where it is missing. An older one is not used.
with prices as (
    select
        asset_id,
        slot_at,
        price_usd,
        source_id,
        run_number
    from {{ ref('stg_defillama__prices_hourly') }}
    where is_latest
),

spans as (
    select
        asset_id,
        min(slot_at) as first_at,
        max(slot_at) + interval 2 hour as last_at
    from prices
    group by asset_id
),

hours as (
    select
        asset_id,
        unnest(generate_series(first_at, last_at, interval 1 hour)) as slot_at
    from spans
),

-- every hour has a row here, so that three rows are three hours
filled as (
    select
        hours.asset_id,
        hours.slot_at,
        {% for column in ['slot_at', 'price_usd', 'source_id', 'run_number'] -%}
            last_value(prices.{{ column }} ignore nulls) over last_hours as found_{{ column }}
            {%- if not loop.last %},
            {% endif %}
        {%- endfor %}
    from hours
    left join prices
        on hours.asset_id = prices.asset_id and hours.slot_at = prices.slot_at
    window last_hours as (
        partition by hours.asset_id order by hours.slot_at rows between 2 preceding and current row
    )
)

select
    asset_id,
    slot_at,
    cast(slot_at as date) as date_day,
    found_price_usd as price_usd,
    found_slot_at as price_slot_at,
    cast(date_diff('hour', found_slot_at, slot_at) as integer) as staleness_hours,
    case when found_slot_at is null then 'no_price_within_2_hours' end as price_reason,
    found_source_id as source_id,
    found_run_number as run_number
from filled
