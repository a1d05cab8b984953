-- One row per flow source, listed fund and session: what the source says at as_of, and since when. A source
-- that derives flows from holdings prints 0 for every fund until the holdings are refreshed: such a session
-- of it is no observation and is left out.
{% set feeds = [
    'stg_farside__etf_flows', 'stg_sosovalue__etf_flows', 'stg_coinglass__etf_flows', 'stg_bitbo__etf_flows',
] %}
{% set columns = [
    'source_id', 'fund_id', 'trade_date', 'net_flow_usd', 'flow_basis', 'is_provisional',
    'fetched_at', 'run_number', 'is_latest',
] %}
with observations as (
    {{ union_feeds(feeds, columns) }}
),

steps as (
    select
        source_id,
        fund_id,
        trade_date,
        fetched_at,
        run_number,
        net_flow_usd,
        lag(net_flow_usd) over (
            partition by source_id, fund_id, trade_date order by run_number
        ) as net_flow_before_usd
    from observations
),

history as (
    select
        source_id,
        fund_id,
        trade_date,
        min(fetched_at) as first_seen_at,
        max(
            case when run_number > 1 and net_flow_usd is distinct from net_flow_before_usd then fetched_at end
        ) as revised_at
    from steps
    group by source_id, fund_id, trade_date
),

flows as (
    select
        observations.*,
        flow_basis = 'holdings_derived'
        and max(abs(net_flow_usd)) over (partition by source_id, trade_date) = 0 as is_not_refreshed
    from observations
    where is_latest and net_flow_usd is not null
)

select
    latest.source_id,
    latest.fund_id,
    latest.trade_date,
    sources.rank_flow as source_rank,
    latest.net_flow_usd,
    latest.flow_basis,
    latest.is_provisional,
    history.first_seen_at,
    history.revised_at,
    latest.run_number
from flows as latest
inner join {{ ref('int_etf_fund_sessions') }} as listed
    on latest.fund_id = listed.fund_id and latest.trade_date = listed.trade_date
inner join history
    on
        latest.source_id = history.source_id
        and latest.fund_id = history.fund_id
        and latest.trade_date = history.trade_date
left join {{ ref('sources') }} as sources
    on latest.source_id = sources.source_id
where not latest.is_not_refreshed
