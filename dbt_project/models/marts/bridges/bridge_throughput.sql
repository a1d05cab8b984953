-- One row per bridge and UTC day that is covered end to end: what it moved, what it has moved since its
-- start, and its place among the bridges of its chain.
select
    daily.bridge_id,
    daily.date_day,
    bridges.name as bridge_name,
    daily.chain_id,
    bridges.trust_model,
    bridges.is_native,

    daily.deposit_count,
    daily.withdrawal_count,
    daily.reclaimed_count,
    daily.depositors,
    daily.new_depositors,

    daily.deposit_btc,
    daily.withdrawal_btc,
    daily.gross_volume_btc,
    daily.net_inflow_btc,
    daily.fee_btc,
    daily.gross_volume_usd,
    daily.unpriced_count,
    daily.mean_deposit_btc,
    daily.median_deposit_btc,
    daily.p90_deposit_btc,

    daily.cumulative_deposit_btc,
    daily.cumulative_withdrawal_btc,
    daily.cumulative_gross_btc,
    daily.cumulative_net_btc,
    daily.cumulative_users,
    daily.cumulative_reason,

    volumes.volume_30d_btc,
    volumes.rank_30d,
    volumes.share_of_chain_volume_pct,
    volumes.share_of_non_native_pct,
    volumes.share_reason,

    daily.from_block,
    daily.to_block,
    daily.source_ids
from {{ ref('int_bridge_daily') }} as daily
inner join {{ ref('bridges') }} as bridges
    on daily.bridge_id = bridges.bridge_id
inner join {{ ref('int_bridge_volume_30d') }} as volumes
    on daily.bridge_id = volumes.bridge_id and daily.date_day = volumes.date_day
where {{ in_window('daily.date_day') }}
