-- One row per payment to a stacker by a Bitcoin block that pays stackers: its cycle, when the block was made,
-- and what the bitcoin was worth in that hour. A payment to nobody, to the address of which no one has the
-- key, is a burn.
with payments as (
    select
        rewards.*,
        cast(
            (rewards.burn_block_height - calendar.first_burnchain_block_height)
            // calendar.reward_cycle_length as integer
        ) as cycle_number,
        rewards.reward_recipient <> '1111111111111111111114oLvT2' as is_to_stacker,
        -- there are no more than 21 million bitcoin
        case
            when rewards.reward_sats <= 2100000000000000
                then cast(rewards.reward_sats * 0.00000001 as decimal(18, 8))
        end as reward_btc,
        case
            when rewards.burn_sats <= 2100000000000000
                then cast(rewards.burn_sats * 0.00000001 as decimal(18, 8))
        end as burn_btc,
        blocks.block_at,
        blocks.date_day,
        blocks.is_estimated,
        'btc' as price_asset_id,
        date_trunc('hour', blocks.block_at) as price_hour_at
    from {{ ref('stg_hiro__burnchain_rewards') }} as rewards
    inner join {{ ref('int_pox_calendar') }} as calendar
        on
            rewards.chain_id = calendar.chain_id
            and rewards.burn_block_height > calendar.first_burnchain_block_height
            and (rewards.burn_block_height - calendar.first_burnchain_block_height)
            % calendar.reward_cycle_length between 1 and calendar.reward_phase_length
    left join {{ ref('int_burn_blocks') }} as blocks
        on rewards.burn_block_height = blocks.burn_block_height
    where rewards.is_canonical
)

select
    payments.burn_block_hash,
    payments.reward_index,
    payments.burn_block_height,
    payments.cycle_number,
    payments.reward_recipient,
    payments.is_to_stacker,
    payments.reward_btc,
    payments.burn_btc,
    payments.block_at,
    payments.date_day,
    payments.is_estimated,
    payments.price_asset_id,
    payments.price_hour_at,
    prices.price_usd,
    -- 20 and 18 digits: no product of theirs is too wide
    try_cast(
        cast(payments.reward_btc as decimal(20, 8)) * try_cast(prices.price_usd as decimal(18, 8))
        as decimal(38, 8)
    ) as reward_usd_at_payout,
    payments.source_id,
    prices.source_id as price_source_id
from payments
left join {{ ref('int_asset_price_at') }} as prices
    on payments.price_asset_id = prices.asset_id and payments.price_hour_at = prices.slot_at
