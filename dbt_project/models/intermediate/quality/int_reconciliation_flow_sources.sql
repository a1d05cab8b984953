-- One row per fund, session and pair of flow sources, the better-ranked one as a: what they report.
with flows as (
    select
        united.*,
        row_number() over (
            partition by fund_id, trade_date order by source_rank nulls last, source_id
        ) as place
    from {{ ref('int_etf_flows_united') }} as united
)

select
    'etf' as subject,
    'flow_sources' as check_id,
    a.fund_id as entity_id,
    a.trade_date as observed_on,
    a.source_id as source_a,
    b.source_id as source_b,
    'net_flow_usd' as metric_id,
    'usd' as unit,
    cast(a.net_flow_usd as decimal(38, 8)) as value_a,
    cast(b.net_flow_usd as decimal(38, 8)) as value_b,
    case
        when a.is_provisional or b.is_provisional then 'provisional'
        when a.flow_basis <> b.flow_basis then 'holdings_derived'
    end as reason
from flows as a
inner join flows as b
    on a.fund_id = b.fund_id and a.trade_date = b.trade_date and a.place < b.place
