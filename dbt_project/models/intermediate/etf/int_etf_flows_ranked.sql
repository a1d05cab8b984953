-- One row per fund and session: what the best-ranked flow source says, and how far the next one is from it.
with ranked as (
    select
        united.*,
        row_number() over (
            partition by fund_id, trade_date order by source_rank nulls last, source_id
        ) as choice,
        count(*) over (partition by fund_id, trade_date) as n_sources
    from {{ ref('int_etf_flows_united') }} as united
),

compared as (
    select
        chosen.*,
        chosen.net_flow_usd - next_one.net_flow_usd as disagreement_usd
    from ranked as chosen
    left join ranked as next_one
        on
            chosen.fund_id = next_one.fund_id
            and chosen.trade_date = next_one.trade_date
            and next_one.choice = 2
    where chosen.choice = 1
)

select
    fund_id,
    trade_date,
    net_flow_usd,
    source_id,
    source_rank,
    flow_basis,
    is_provisional,
    cast(n_sources as integer) as n_sources,
    cast(disagreement_usd as decimal(18, 2)) as disagreement_usd,
    round(100 * cast(disagreement_usd as double) / nullif(abs(cast(net_flow_usd as double)), 0), 6)
        as disagreement_pct,
    first_seen_at,
    revised_at,
    run_number
from compared
