-- Of a fund that a feed has, from the first session that it prints on.
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
        source_id,
        fund_id,
        min(trade_date) as first_on
    from printed
    group by source_id, fund_id
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
