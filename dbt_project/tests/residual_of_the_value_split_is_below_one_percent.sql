-- A larger one is a wrong AUM, an action that the seed does not know, or a holding printed on another date.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'int_etf_value_split'}}}) }}
select
    split.fund_id,
    split.trade_date,
    split.residual_usd
from {{ ref('int_etf_value_split') }} as split
inner join {{ ref('int_etf_holdings_valued') }} as valued
    on split.fund_id = valued.fund_id and split.trade_date = valued.trade_date
where abs(split.residual_usd) > 0.01 * valued.aum_usd
