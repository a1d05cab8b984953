-- One row per holdings source, corporate action and fund that moved bitcoin: the amount, and the day
-- that the source books it. A source's own row in the seed beats the row of any source (`*`). A split
-- moves no bitcoin and is not here.
with candidates as (
    select
        sources.source_id,
        actions.action_id,
        actions.fund_id,
        actions.event,
        actions.effective_on,
        actions.booked_on,
        actions.btc_amount,
        actions.counterparty_fund_id,
        row_number() over (
            partition by sources.source_id, actions.action_id, actions.fund_id
            order by case when actions.source_id = '*' then 1 else 0 end
        ) as choice
    from {{ ref('corporate_actions') }} as actions
    inner join {{ ref('sources') }} as sources
        on
            sources.rank_holding is not null
            and (actions.source_id = '*' or actions.source_id = sources.source_id)
    where actions.btc_amount is not null
)

select
    source_id,
    action_id,
    fund_id,
    event,
    effective_on,
    booked_on,
    btc_amount,
    counterparty_fund_id
from candidates
where choice = 1 and booked_on is not null
