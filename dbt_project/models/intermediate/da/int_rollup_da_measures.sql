-- One row per rollup, UTC day and measure of what it posted, as the newest answer says it. A day that an
-- answer was about, and that none has a figure of, is one without blobs: there it is 0.
{% set series = {
    'size': ['blob_bytes', 'bytes'], 'blobs_count': ['blob_count', 'count'], 'fee': ['fee', 'utia'],
} %}
with told as (
    select
        rollup_id,
        date_day,
        measure,
        value,
        unit,
        da_layer_id,
        source_id,
        run_number
    from {{ ref('stg_celenium__da_namespaces') }}
    where is_latest
),

-- the address of an answer says its measure
asked as (
    {%- for name, (measure, unit) in series.items() %}
        select distinct
            asked.entity_id as rollup_id,
            cast(unnest(generate_series(asked.from_at, asked.to_at - interval 1 day, interval 1 day)) as date)
                as date_day,
            '{{ measure }}' as measure,
            '{{ unit }}' as unit,
            asked.source_id
        from {{ source('feeds', 'asked') }} as asked
        inner join {{ source('feeds', 'ledger') }} as ledger
            on asked.fetch_id = ledger.fetch_id
        where
            asked.table_name = 'celenium__da_namespaces'
            and asked.outcome = 'ok'
            and ledger.fetched_at <= {{ as_of() }}
            and contains(ledger.url, '/stats/{{ name }}/')
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}
)

select
    rollup_id,
    date_day,
    measure,
    value,
    unit,
    da_layer_id,
    source_id,
    run_number
from told
union all
select
    asked.rollup_id,
    asked.date_day,
    asked.measure,
    0 as value,
    asked.unit,
    rollups.da_layer_id,
    asked.source_id,
    cast(null as integer) as run_number
from asked
inner join {{ ref('rollups') }} as rollups
    on asked.rollup_id = rollups.rollup_id
where
    not exists (
        select 1
        from told
        where
            asked.rollup_id = told.rollup_id
            and asked.date_day = told.date_day
            and asked.measure = told.measure
    )
