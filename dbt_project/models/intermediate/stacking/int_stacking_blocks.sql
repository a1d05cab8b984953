-- One row per Bitcoin block that pays stackers and that an answer covers: what it paid, which may be nothing.
with answered as (
    select
        asked.entity_id,
        asked.source_id,
        unnest(generate_series(asked.from_block, asked.to_block)) as burn_block_height
    from {{ source('feeds', 'asked') }} as asked
    inner join {{ source('feeds', 'ledger') }} as ledger
        on asked.fetch_id = ledger.fetch_id
    where
        asked.table_name = 'hiro__burnchain_rewards'
        and asked.outcome = 'ok'
        and ledger.fetched_at <= {{ as_of() }}
),

covered as (
    select
        answered.burn_block_height,
        cast(
            (answered.burn_block_height - calendar.first_burnchain_block_height)
            // calendar.reward_cycle_length as integer
        ) as cycle_number,
        min(answered.source_id) as source_id
    from answered
    inner join {{ ref('int_pox_calendar') }} as calendar
        on
            answered.entity_id = calendar.chain_id
            and answered.burn_block_height > calendar.first_burnchain_block_height
            and (answered.burn_block_height - calendar.first_burnchain_block_height)
            % calendar.reward_cycle_length between 1 and calendar.reward_phase_length
    group by
        answered.burn_block_height, calendar.first_burnchain_block_height, calendar.reward_cycle_length
),

paid as (
    select
        burn_block_height,
        min(burn_block_hash) as burn_block_hash,
        count(*) filter (where is_to_stacker) as rewards_count,
        count(reward_btc) filter (where is_to_stacker) as rewards_read,
        count(reward_usd_at_payout) filter (where is_to_stacker) as rewards_priced,
        sum(reward_btc) filter (where is_to_stacker) as reward_btc,
        sum(reward_usd_at_payout) filter (where is_to_stacker) as reward_usd_at_payout,
        -- each row says it of the whole block
        max(burn_btc) as burn_btc,
        list(distinct price_source_id) filter (where reward_usd_at_payout is not null) as price_source_ids
    from {{ ref('int_stacking_rewards') }}
    group by burn_block_height
)

select
    covered.burn_block_height,
    paid.burn_block_hash,
    covered.cycle_number,
    blocks.block_at,
    blocks.date_day,
    blocks.is_estimated,
    cast(coalesce(paid.rewards_count, 0) as integer) as rewards_count,
    case
        when coalesce(paid.rewards_count, 0) = 0 then 0
        when paid.rewards_read = paid.rewards_count then try_cast(paid.reward_btc as decimal(18, 8))
    end as reward_btc,
    case
        when coalesce(paid.rewards_count, 0) = 0 then 0
        when paid.rewards_priced = paid.rewards_count then cast(paid.reward_usd_at_payout as decimal(38, 8))
    end as reward_usd_at_payout,
    paid.burn_btc,
    coalesce(list_sort(paid.price_source_ids), []) as price_source_ids,
    covered.source_id,
    blocks.source_id as time_source_id
from covered
left join paid
    on covered.burn_block_height = paid.burn_block_height
left join {{ ref('int_burn_blocks') }} as blocks
    on covered.burn_block_height = blocks.burn_block_height
