-- One row per flow source and session with a printed total: its funds' flows together against that total. The
-- total of the newest row of the session counts: a row seen before it may carry an older one. Only a session
-- of which the source has flows (int_etf_flows_united) is summed.
{% set feeds = [
    'stg_farside__etf_flows', 'stg_sosovalue__etf_flows', 'stg_coinglass__etf_flows', 'stg_bitbo__etf_flows',
] %}
{% set columns = [
    'source_id', 'fund_id', 'trade_date', 'net_flow_usd', 'printed_total_usd', 'is_provisional', 'fetched_at',
    'run_number', 'is_latest',
] %}
with observations as (
    {{ union_feeds(feeds, columns) }}
),

cells as (
    select
        observations.*,
        row_number() over (
            partition by source_id, trade_date order by fetched_at desc, run_number desc, fund_id asc
        ) as choice
    from observations
    where is_latest
),

sums as (
    select
        source_id,
        trade_date,
        sum(net_flow_usd) as funds_usd,
        max(case when choice = 1 then printed_total_usd end) as total_usd,
        max(case when is_provisional then 1 else 0 end) = 1 as is_provisional
    from cells
    group by source_id, trade_date
),

observed as (
    select distinct
        source_id,
        trade_date
    from {{ ref('int_etf_flows_united') }}
)

select
    'etf' as subject,
    'flow_row_sum' as check_id,
    'us_all' as entity_id,
    sums.trade_date as observed_on,
    sums.source_id as source_a,
    sums.source_id || '_printed_total' as source_b,
    'net_flow_usd' as metric_id,
    'usd' as unit,
    cast(sums.funds_usd as decimal(38, 8)) as value_a,
    cast(sums.total_usd as decimal(38, 8)) as value_b,
    case when sums.is_provisional then 'provisional' end as reason
from sums
inner join observed
    on sums.source_id = observed.source_id and sums.trade_date = observed.trade_date
where sums.total_usd is not null and sums.funds_usd is not null
