-- One row per scope and quarter: its flow against the quarter before, and as a share of the flow of all US
-- funds. A small base or total would make any percentage, so there is none: small is less than 5 % of the
-- gross flow (inflows and outflows together) of the same quarter.
with flows as (
    select
        quarters.*,
        abs(net_flow_usd) * 20 < gross_inflow_usd + gross_outflow_usd as is_small
    from {{ ref('int_etf_quarterly_flows') }} as quarters
),

judged as (
    select
        flows.scope,
        flows.scope_id,
        flows.quarter_start,
        flows.previous_quarter_start,
        flows.net_flow_usd,
        before.net_flow_usd as net_flow_previous_usd,
        total.net_flow_usd as total_usd,
        case
            when not flows.is_complete or not coalesce(before.is_complete, false) then 'incomplete'
            when before.net_flow_usd <= 0 then 'base_not_positive'
            when before.is_small then 'base_small'
        end as qoq_flag,
        case
            when not flows.is_complete or not coalesce(total.is_complete, false) then 'incomplete'
            when total.is_small or total.net_flow_usd = 0 then 'near_zero'
            when total.net_flow_usd < 0 then 'negative'
        end as denominator_flag
    from flows
    left join flows as before
        on
            flows.scope = before.scope
            and flows.scope_id = before.scope_id
            and flows.previous_quarter_start = before.quarter_start
    left join flows as total
        on
            total.scope = 'universe'
            and total.scope_id = 'us_all'
            and flows.quarter_start = total.quarter_start
)

select
    scope,
    scope_id,
    quarter_start,
    previous_quarter_start,
    net_flow_previous_usd,
    case
        when qoq_flag is null
            then round(
                100 * cast(net_flow_usd - net_flow_previous_usd as double)
                / cast(net_flow_previous_usd as double), 6
            )
    end as net_flow_qoq_pct,
    qoq_flag,
    case
        when denominator_flag is null
            then round(100 * cast(net_flow_usd as double) / cast(total_usd as double), 6)
    end as share_of_total_pct,
    denominator_flag
from judged
