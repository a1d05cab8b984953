-- One row per scope (a fund, an issuer, a universe of funds) and calendar quarter: flows, holdings at its
-- end, and what was filed. Where a scope has several funds, a holding that a needed member lacks is NULL.
with ends as (
    select
        scope,
        scope_id,
        quarter_start,
        count(case when is_needed and btc_held_end is null then 1 end) as missing_held,
        sum(btc_held_end) as btc_held_end,
        count(case when is_needed and btc_held_change is null then 1 end) as missing_change,
        sum(btc_held_change) as btc_held_change,
        count(case when is_needed and corporate_action_btc is null then 1 end) as missing_action,
        sum(corporate_action_btc) as corporate_action_btc,
        count(case when (is_needed or btc_held_end is not null) and aum_end_usd is null then 1 end)
            as missing_aum,
        sum(aum_end_usd) as aum_end_usd,
        count(case when is_listed_at_end and filing_btc is null then 1 end) as missing_filing,
        sum(case when is_listed_at_end then filing_btc end) as filing_btc,
        list(source_id) || list(change_source_id) || list(filing_source_id) as source_ids
    from {{ ref('int_etf_quarterly_ends') }}
    group by scope, scope_id, quarter_start
),

known as (
    select
        scope,
        scope_id,
        quarter_start,
        cast(case when missing_held = 0 then btc_held_end end as decimal(18, 8)) as btc_held_end,
        cast(case when missing_change = 0 then btc_held_change end as decimal(18, 8)) as btc_held_change,
        cast(case when missing_action = 0 then corporate_action_btc end as decimal(18, 8))
            as corporate_action_btc,
        cast(case when missing_aum = 0 then aum_end_usd end as decimal(18, 2)) as aum_end_usd,
        cast(case when missing_filing = 0 then filing_btc end as decimal(18, 8)) as filing_btc,
        source_ids
    from ends
),

-- the quarters of which the window shows a session; their figures are those of the whole quarter
shown as (
    select distinct cast(date_trunc('quarter', trade_date) as date) as quarter_start
    from {{ ref('int_etf_fund_sessions') }}
    where {{ in_window('trade_date') }}
)

select
    flows.scope,
    flows.scope_id,
    flows.quarter_start,
    flows.quarter_end,
    flows.net_flow_usd,
    flows.net_flow_btc,
    flows.gross_inflow_usd,
    flows.gross_outflow_usd,
    growth.net_flow_previous_usd,
    growth.net_flow_qoq_pct,
    growth.qoq_flag,
    growth.share_of_total_pct,
    growth.denominator_flag,
    flows.sessions,
    flows.sessions_present,
    flows.positive_sessions,
    known.btc_held_end,
    known.btc_held_change,
    known.corporate_action_btc,
    known.aum_end_usd,
    known.filing_btc,
    round(
        100 * cast(known.btc_held_end - known.filing_btc as double) / cast(known.filing_btc as double), 6
    ) as filing_difference_pct,
    flows.is_complete,
    list_sort(list_distinct(flows.source_ids || known.source_ids)) as source_ids
from {{ ref('int_etf_quarterly_flows') }} as flows
inner join shown
    on flows.quarter_start = shown.quarter_start
inner join {{ ref('int_etf_quarterly_growth') }} as growth
    on
        flows.scope = growth.scope
        and flows.scope_id = growth.scope_id
        and flows.quarter_start = growth.quarter_start
inner join known
    on
        flows.scope = known.scope
        and flows.scope_id = known.scope_id
        and flows.quarter_start = known.quarter_start
-- a scope of which nothing is observed in the quarter has no row
where len(list_distinct(flows.source_ids || known.source_ids)) > 0
