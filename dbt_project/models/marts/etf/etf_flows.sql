-- One row per fund and session that a source reports: the flow, the bitcoin held, its value and why it
-- changed.
with supply_feed as (
    select count(*) > 0 as has_rows
    from {{ ref('int_btc_supply') }}
)

select
    listed.fund_id,
    listed.trade_date,
    funds.ticker,
    funds.fund_name,
    funds.issuer_id,
    listed.nav_strike_at,

    flows.net_flow_usd,
    flows.source_id,
    flows.source_rank,
    flows.flow_basis,
    flows.is_provisional,
    coalesce(flows.n_sources, 0) as n_sources,
    flows.disagreement_usd,
    flows.disagreement_pct,
    flows.first_seen_at,
    flows.revised_at,

    in_btc.net_flow_btc,
    holdings.btc_held,
    holdings.source_id as holdings_source_id,
    holdings.is_estimated,
    changes.btc_held_change,
    holdings.corporate_action_btc,
    valued.aum_usd,
    valued.aum_basis,
    cast(strike.strike_price_usd as decimal(38, 8)) as strike_price_usd,
    valued.market_value_usd,

    split.aum_change_usd,
    split.price_effect_usd,
    split.flow_effect_usd,
    split.corporate_action_effect_usd,
    split.residual_usd,
    case when holdings.fund_id is null then 'session_missing' else split.split_reason end as split_reason,

    holdings.shares_outstanding,
    cast(
        round(cast(holdings.btc_held as double) / nullif(cast(holdings.shares_outstanding as double), 0), 18)
        as decimal(38, 18)
    ) as btc_per_share,
    holdings.nav_per_share_usd,

    windows.cumulative_net_flow_usd,
    windows.cumulative_net_flow_btc,
    windows.cumulative_reason,
    windows.net_flow_5s_usd,
    windows.net_flow_21s_usd,
    windows.net_flow_63s_usd,
    windows.net_flow_qtd_usd,
    streaks.streak_sessions,
    windows.net_flow_z_63s,

    shares.share_of_fund_total_pct,
    shares.rank_by_holdings,
    shares.is_largest_holder,
    shares.sessions_as_largest,
    round(cast(holdings.btc_held as double) / cast(supply.issued_btc as double) * 100, 6)
        as share_of_supply_pct,
    case
        when not supply_feed.has_rows then 'no_supply_feed'
        when supply.issued_btc is null then 'height_missing'
        when holdings.btc_held is null then 'holding_missing'
    end as supply_reason,

    fees.sponsor_fee_pct,
    fees.fee_accrual_usd,
    fees.est_annual_fee_usd,
    case
        when
            listed.starts_empty
            and windows.cumulative_net_flow_usd > 0
            and windows.cumulative_net_flow_btc > 0
            then cast(
                round(
                    cast(windows.cumulative_net_flow_usd as double)
                    / cast(windows.cumulative_net_flow_btc as double), 8
                ) as decimal(38, 8)
            )
    end as mean_cost_usd,
    list_sort(list_distinct([flows.source_id, holdings.source_id, in_btc.source_id])) as source_ids
from {{ ref('int_etf_fund_sessions') }} as listed
inner join {{ ref('funds') }} as funds
    on listed.fund_id = funds.fund_id
left join {{ ref('int_etf_flows_ranked') }} as flows
    on listed.fund_id = flows.fund_id and listed.trade_date = flows.trade_date
left join {{ ref('int_etf_net_flow_btc') }} as in_btc
    on listed.fund_id = in_btc.fund_id and listed.trade_date = in_btc.trade_date
left join {{ ref('int_etf_holdings_ranked') }} as holdings
    on listed.fund_id = holdings.fund_id and listed.trade_date = holdings.trade_date
left join {{ ref('int_etf_holdings_changes') }} as changes
    on listed.fund_id = changes.fund_id and listed.trade_date = changes.trade_date
left join {{ ref('int_etf_holdings_valued') }} as valued
    on listed.fund_id = valued.fund_id and listed.trade_date = valued.trade_date
left join {{ ref('int_etf_strike_price') }} as strike
    on listed.trade_date = strike.trade_date
left join {{ ref('int_etf_value_split') }} as split
    on listed.fund_id = split.fund_id and listed.trade_date = split.trade_date
left join {{ ref('int_etf_flow_windows') }} as windows
    on listed.fund_id = windows.fund_id and listed.trade_date = windows.trade_date
left join {{ ref('int_etf_flow_streaks') }} as streaks
    on listed.fund_id = streaks.fund_id and listed.trade_date = streaks.trade_date
left join {{ ref('int_etf_holding_shares') }} as shares
    on listed.fund_id = shares.fund_id and listed.trade_date = shares.trade_date
left join {{ ref('int_etf_fees') }} as fees
    on listed.fund_id = fees.fund_id and listed.trade_date = fees.trade_date
left join {{ ref('int_btc_supply') }} as supply
    on listed.nav_strike_at = supply.asked_at
cross join supply_feed
where
    (flows.fund_id is not null or holdings.fund_id is not null)
    and {{ in_window('listed.trade_date') }}
