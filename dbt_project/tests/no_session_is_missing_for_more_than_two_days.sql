-- Of a fund that a feed has, from the first session that it prints on; of sources that can be asked again.
-- The others show the newest session only: one that nobody asked for in time is lost.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'int_etf_fund_sessions'}}}) }}
with printed as (
    select
        source_id,
        fund_id,
        trade_date
    from {{ ref('int_etf_flows_united') }}
    union all
    select
        source_id,
        fund_id,
        trade_date
    from {{ ref('int_etf_holdings_united') }}
),

series as (
    select
        printed.source_id,
        printed.fund_id,
        min(printed.trade_date) as first_on
    from printed
    inner join {{ ref('sources') }} as sources
        on printed.source_id = sources.source_id
    where sources.revision_window_days > 7
    group by printed.source_id, printed.fund_id
)

select
    series.source_id,
    series.fund_id,
    listed.trade_date
from series
inner join {{ ref('int_etf_fund_sessions') }} as listed
    on series.fund_id = listed.fund_id and series.first_on <= listed.trade_date
left join printed
    on
        series.source_id = printed.source_id
        and series.fund_id = printed.fund_id
        and listed.trade_date = printed.trade_date
where
    printed.fund_id is null
    and listed.nav_strike_at + interval 2 day < {{ as_of() }}
