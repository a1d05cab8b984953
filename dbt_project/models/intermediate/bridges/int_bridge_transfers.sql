-- One row per transfer that a bridge announced: its amounts in coins and in bitcoin, its value at the hour,
-- and the last state that is known of it at as_of.
with states as (
    select
        bridge_id,
        chain_id,
        transfer_id,
        status,
        block_number,
        log_index,
        row_number() over (
            partition by bridge_id, chain_id, transfer_id order by block_number desc, log_index desc
        ) as place
    from {{ ref('stg_evm_rpc__bridge_status') }}
),

placed as (
    select
        events.bridge_id,
        events.chain_id,
        events.block_number,
        events.log_index,
        events.event_name,
        events.direction,
        events.transfer_id,
        events.tx_hash,
        events.token_address,
        events.amount_raw,
        events.fee_raw,
        events.source_id,
        coalesce(events.account_evm, events.account_btc) as account,
        coalesce(headers.block_at, events.block_at) as block_at,
        coalesce(events.raw_decimals, tokens.decimals) as decimals,
        case when events.token_address is null then bridges.asset_id else tokens.asset_id end as asset_id
    from {{ ref('stg_evm_rpc__bridge_events') }} as events
    left join {{ ref('stg_evm_rpc__blocks') }} as headers
        on events.chain_id = headers.chain_id and events.block_number = headers.block_number
    left join {{ ref('bridges') }} as bridges
        on events.bridge_id = bridges.bridge_id
    left join {{ ref('bridge_tokens') }} as tokens
        on events.chain_id = tokens.chain_id and events.token_address = tokens.token_address
),

counted as (
    select
        placed.*,
        {{ coins('amount_raw', 'decimals') }} as net_amount,
        {{ coins('fee_raw', 'decimals') }} as fee_amount
    from placed
),

summed as (
    select
        counted.*,
        case
            when counted.fee_raw is null then counted.net_amount
            else counted.net_amount + counted.fee_amount
        end as gross_amount,
        -- an asset that is pegged to bitcoin counts as bitcoin, one for one, and at bitcoin's price
        coalesce(assets.asset_id = 'btc' or assets.peg_asset_id = 'btc', false) as is_btc
    from counted
    left join {{ ref('assets') }} as assets
        on counted.asset_id = assets.asset_id
),

valued as (
    select
        summed.*,
        case when is_btc then 'btc' else asset_id end as price_asset_id,
        date_trunc('hour', block_at) as price_hour_at,
        case when is_btc then try_cast(gross_amount as decimal(18, 8)) end as gross_btc,
        case when is_btc then try_cast(net_amount as decimal(18, 8)) end as net_btc,
        case when is_btc then try_cast(fee_amount as decimal(18, 8)) end as fee_btc
    from summed
)

select
    valued.bridge_id,
    valued.chain_id,
    valued.block_number,
    valued.log_index,
    valued.event_name,
    valued.direction,
    valued.transfer_id,
    valued.tx_hash,
    valued.block_at,
    cast(valued.block_at as date) as date_day,
    valued.account,
    valued.asset_id,
    valued.token_address,
    cast(valued.gross_amount as decimal(38, 8)) as gross_amount,
    cast(valued.fee_amount as decimal(38, 8)) as fee_amount,
    cast(valued.net_amount as decimal(38, 8)) as net_amount,
    valued.is_btc,
    valued.gross_btc,
    valued.fee_btc,
    valued.net_btc,
    states.status,
    coalesce(states.status in ('refunded', 'reclaimed', 'rejected'), false) as is_returned,
    states.block_number as status_block_number,
    states.log_index as status_log_index,
    valued.price_asset_id,
    valued.price_hour_at,
    prices.price_usd,
    -- 20 and 18 digits: no product of theirs is too wide
    try_cast(
        try_cast(valued.gross_amount as decimal(20, 8)) * try_cast(prices.price_usd as decimal(18, 8))
        as decimal(18, 2)
    ) as gross_usd,
    valued.source_id,
    prices.source_id as price_source_id
from valued
left join states
    on
        valued.bridge_id = states.bridge_id
        and valued.chain_id = states.chain_id
        and valued.transfer_id = states.transfer_id
        and states.place = 1
left join {{ ref('int_asset_price_at') }} as prices
    on valued.price_asset_id = prices.asset_id and valued.price_hour_at = prices.slot_at
