-- Within one holdings source: the change of AUM is the difference of two sessions, and its parts sum to it.
{{ config(meta={'dagster': {'ref': {'name': 'int_etf_value_split'}}}) }}
select
    split.fund_id,
    split.trade_date
from {{ ref('int_etf_value_split') }} as split
inner join {{ ref('int_etf_holdings_valued') }} as this_one
    on split.fund_id = this_one.fund_id and split.trade_date = this_one.trade_date
left join {{ ref('int_etf_holdings_valued') }} as before
    on split.fund_id = before.fund_id and split.previous_trade_date = before.trade_date
where
    case
        when split.split_reason is null
            then
                split.price_effect_usd + split.flow_effect_usd + split.corporate_action_effect_usd
                + split.residual_usd is distinct from split.aum_change_usd
                or split.aum_change_usd is distinct from this_one.aum_usd - coalesce(before.aum_usd, 0)
                or before.source_id <> this_one.source_id
        else
            coalesce(
                split.aum_change_usd, split.price_effect_usd, split.flow_effect_usd,
                split.corporate_action_effect_usd, split.residual_usd
            ) is not null
    end
