-- What one fund books out, its counterparty books in, at every holdings source that has seen both legs.
select
    one_leg.source_id,
    one_leg.fund_id,
    one_leg.counterparty_fund_id
from {{ ref('int_etf_corporate_actions') }} as one_leg
left join {{ ref('int_etf_corporate_actions') }} as other_leg
    on
        one_leg.source_id = other_leg.source_id
        and one_leg.counterparty_fund_id = other_leg.fund_id
        and one_leg.fund_id = other_leg.counterparty_fund_id
        and one_leg.effective_on = other_leg.effective_on
where
    one_leg.counterparty_fund_id is not null
    and one_leg.btc_amount + other_leg.btc_amount <> 0
