-- To the cent, against the AUM of the two sessions; and no part is there without the others.
{{ config(meta={'dagster': {'ref': {'name': 'etf_market_daily'}}}) }}
with shown as (
    select
        daily.*,
        sessions.previous_trade_date
    from {{ ref('etf_market_daily') }} as daily
    inner join {{ ref('int_sessions') }} as sessions
        on daily.trade_date = sessions.trade_date
)

select
    shown.fund_universe,
    shown.trade_date
from shown
left join {{ ref('int_etf_universe_daily') }} as before
    on shown.fund_universe = before.fund_universe and shown.previous_trade_date = before.trade_date
where
    case
        when shown.split_reason is null
            then
                shown.aum_change_usd is distinct from shown.aum_usd - before.aum_usd
                or shown.price_effect_usd + shown.flow_effect_usd + shown.corporate_action_effect_usd
                + shown.residual_usd is distinct from shown.aum_change_usd
        else
            coalesce(
                shown.aum_change_usd, shown.price_effect_usd, shown.flow_effect_usd,
                shown.corporate_action_effect_usd, shown.residual_usd
            ) is not null
    end
