-- One row per scope and quarter with a session: its flows, summed over what was observed. A session is
-- present where every needed member reports. The bitcoin are NULL where a needed member has a flow in dollars
-- that no holding shows.
with sessions as (
    select
        scope,
        scope_id,
        quarter_start,
        trade_date,
        sum(net_flow_usd) as net_flow_usd,
        sum(net_flow_btc) as net_flow_btc,
        -- greatest() passes a NULL over; a flow that was not observed is no zero
        sum(case when net_flow_usd is not null then greatest(net_flow_usd, 0) end) as gross_inflow_usd,
        sum(case when net_flow_usd is not null then greatest(-net_flow_usd, 0) end) as gross_outflow_usd,
        count(net_flow_usd) > 0 and count(case when net_flow_usd is null and is_flow_needed then 1 end) = 0
            as is_present,
        count(case when net_flow_btc is null and net_flow_usd is not null and is_holding_needed then 1 end)
            as missing_in_btc,
        list(flow_source_id) || list(btc_source_id) as source_ids
    from {{ ref('int_etf_quarterly_sessions') }}
    group by scope, scope_id, quarter_start, trade_date
)

select
    scope,
    scope_id,
    quarter_start,
    cast(quarter_start + interval 3 month - interval 1 day as date) as quarter_end,
    cast(quarter_start - interval 3 month as date) as previous_quarter_start,
    cast(sum(net_flow_usd) as decimal(18, 2)) as net_flow_usd,
    cast(case when sum(missing_in_btc) = 0 then sum(net_flow_btc) end as decimal(18, 8)) as net_flow_btc,
    cast(sum(gross_inflow_usd) as decimal(18, 2)) as gross_inflow_usd,
    cast(sum(gross_outflow_usd) as decimal(18, 2)) as gross_outflow_usd,
    cast(count(*) as integer) as sessions,
    cast(count(case when is_present then 1 end) as integer) as sessions_present,
    cast(count(case when is_present and net_flow_usd > 0 then 1 end) as integer) as positive_sessions,
    count(case when is_present then 1 end) = count(*)
    and cast(quarter_start + interval 3 month as timestamp) <= {{ as_of() }} as is_complete,
    list_sort(list_distinct(flatten(list(source_ids)))) as source_ids
from sessions
group by scope, scope_id, quarter_start
