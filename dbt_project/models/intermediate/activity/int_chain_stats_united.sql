-- One row per source, chain, measure and period that was over when the source last said so: what it says at
-- as_of. What is made of that stands beside it: the flow of a day from a total since the start, and fees in
-- US dollars.
{% set feeds = [
    'stg_blockscout__chain_stats', 'stg_merlin_scan__chain_stats', 'stg_btrscan__chain_fees',
    'stg_defillama__chain_fees',
] %}
{% set columns = [
    'source_id', 'chain_id', 'metric_id', 'source_metric', 'period', 'period_start', 'value', 'unit',
    'definition', 'run_number', 'last_seen_at', 'is_latest',
] %}
with observations as (
    {{ union_feeds(feeds, columns) }}
),

told as (
    select
        source_id,
        chain_id,
        metric_id,
        source_metric,
        period,
        period_start,
        value,
        unit,
        definition,
        run_number
    from observations
    where is_latest and last_seen_at >= {{ period_end('period', 'period_start') }}
    union all
    select
        source_id,
        chain_id,
        metric_id,
        source_metric,
        period,
        period_start,
        value,
        unit,
        definition,
        cast(null as integer) as run_number
    from {{ ref('int_address_stats') }}
    union all
    select
        source_id,
        chain_id,
        metric_id,
        source_metric,
        period,
        period_start,
        value,
        unit,
        definition,
        cast(null as integer) as run_number
    from {{ ref('stg_evm_rpc__chain_stats') }}
),

-- a figure that no chain comes near, or in another coin, is not read
meant as (
    select
        told.*,
        coalesce(assets.peg_asset_id, chains.gas_asset_id) as price_asset_id
    from told
    inner join {{ ref('metrics') }} as metrics
        on told.metric_id = metrics.metric_id
    inner join {{ ref('chains') }} as chains
        on told.chain_id = chains.chain_id
    left join {{ ref('assets') }} as assets
        on chains.gas_asset_id = assets.asset_id
    where
        told.period in ('day', 'week', 'month')
        and told.value < 1e17
        and (told.unit = metrics.unit or (metrics.unit = 'native' and told.unit = chains.gas_asset_id))
),

neighbours as (
    select
        meant.*,
        lag(period_start) over series as before_start,
        lag(value) over series as before_value,
        lag(run_number) over series as before_run_number
    from meant
    where metric_id in ('cumulative_gas_used', 'cumulative_contracts') and period = 'day'
    window series as (partition by source_id, chain_id, metric_id, source_metric order by period_start)
),

united as (
    select
        source_id,
        chain_id,
        metric_id,
        source_metric,
        period,
        period_start,
        value,
        definition,
        unit,
        metric_id as told_metric_id,
        run_number,
        cast(null as date) as before_start,
        cast(null as integer) as before_run_number,
        cast(null as varchar) as price_asset_id,
        cast(null as date) as price_day,
        cast(null as varchar) as price_source_id
    from meant
    union all
    select
        source_id,
        chain_id,
        case metric_id when 'cumulative_gas_used' then 'gas_used' else 'new_contracts' end as metric_id,
        source_metric,
        period,
        period_start,
        value - before_value as value,
        definition,
        unit,
        metric_id as told_metric_id,
        run_number,
        before_start,
        before_run_number,
        cast(null as varchar) as price_asset_id,
        cast(null as date) as price_day,
        cast(null as varchar) as price_source_id
    from neighbours
    where before_start + 1 = period_start and value >= before_value
    union all
    select
        fees.source_id,
        fees.chain_id,
        'txn_fee_usd' as metric_id,
        fees.source_metric,
        fees.period,
        fees.period_start,
        -- a product of so many places has room for 12 digits before the point
        cast(cast(fees.value * prices.price_usd as decimal(18, 2)) as decimal(38, 18)) as value,
        fees.definition,
        'usd' as unit,
        fees.metric_id as told_metric_id,
        fees.run_number,
        cast(null as date) as before_start,
        cast(null as integer) as before_run_number,
        fees.price_asset_id,
        prices.date_day as price_day,
        prices.source_id as price_source_id
    from meant as fees
    inner join {{ ref('int_gas_prices') }} as prices
        on fees.price_asset_id = prices.asset_id and fees.period_start = prices.date_day
    where
        fees.metric_id = 'txn_fee_native'
        and fees.period = 'day'
        and cast(fees.value as double) * cast(prices.price_usd as double) < 1e11
)

select
    united.*,
    sources.rank_activity as source_rank,
    {{ period_end('united.period', 'united.period_start') }} as period_end,
    list_sort(list_distinct([united.source_id, united.price_source_id])) as source_ids
from united
left join {{ ref('sources') }} as sources
    on united.source_id = sources.source_id
