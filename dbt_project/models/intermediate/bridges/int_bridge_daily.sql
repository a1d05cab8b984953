-- One row per bridge and covered UTC day: what it moved, and what it has moved since its start where that is
-- known. A covered day without transfers is a row of zeros.
with covered as (
    select *
    from {{ ref('int_bridge_days') }}
    where day_state = 'covered'
),

-- transfers of days that are not covered count in the sums since the start, which say what they are worth
all_days as (
    select
        bridge_id,
        date_day
    from covered
    union
    select
        bridge_id,
        date_day
    from {{ ref('int_bridge_moves') }}
),

running as (
    select
        all_days.bridge_id,
        all_days.date_day,
        coalesce(sum(moves.deposit_btc) over since_start, 0) as deposit_btc,
        coalesce(sum(moves.withdrawal_btc) over since_start, 0) as withdrawal_btc,
        coalesce(sum(moves.new_users) over since_start, 0) as users
    from all_days
    left join {{ ref('int_bridge_moves') }} as moves
        on all_days.bridge_id = moves.bridge_id and all_days.date_day = moves.date_day
    window since_start as (
        partition by all_days.bridge_id order by all_days.date_day
        rows between unbounded preceding and current row
    )
),

zeroed as (
    select
        covered.*,
        {% for column in [
            'volume_count', 'deposit_count', 'withdrawal_count', 'reclaimed_count', 'depositors', 'new_depositors',
            'unpriced_count', 'deposit_btc', 'withdrawal_btc',
        ] -%}
            coalesce(moves.{{ column }}, 0) as {{ column }},
        {% endfor -%}
        case when moves.bridge_id is null then 0 else moves.fee_btc end as fee_btc,
        case when moves.bridge_id is null then 0 else moves.gross_volume_usd end as gross_volume_usd,
        moves.mean_deposit_btc,
        moves.median_deposit_btc,
        moves.p90_deposit_btc,
        coalesce(moves.price_source_ids, []) as price_source_ids
    from covered
    left join {{ ref('int_bridge_moves') }} as moves
        on covered.bridge_id = moves.bridge_id and covered.date_day = moves.date_day
)

select
    zeroed.bridge_id,
    zeroed.chain_id,
    zeroed.date_day,
    zeroed.month_start,
    zeroed.volume_count,
    zeroed.deposit_count,
    zeroed.withdrawal_count,
    zeroed.reclaimed_count,
    zeroed.depositors,
    -- who is new is known where everyone before is
    case when zeroed.cumulative_reason is null then zeroed.new_depositors end as new_depositors,
    zeroed.deposit_btc,
    zeroed.withdrawal_btc,
    cast(zeroed.deposit_btc + zeroed.withdrawal_btc as decimal(18, 8)) as gross_volume_btc,
    cast(zeroed.deposit_btc - zeroed.withdrawal_btc as decimal(18, 8)) as net_inflow_btc,
    zeroed.fee_btc,
    zeroed.gross_volume_usd,
    zeroed.unpriced_count,
    zeroed.mean_deposit_btc,
    zeroed.median_deposit_btc,
    zeroed.p90_deposit_btc,
    {% for column, sum in [
        ('deposit', 'running.deposit_btc'), ('withdrawal', 'running.withdrawal_btc'),
        ('gross', 'running.deposit_btc + running.withdrawal_btc'),
        ('net', 'running.deposit_btc - running.withdrawal_btc'),
    ] -%}
        cast(case when zeroed.cumulative_reason is null then {{ sum }} end as decimal(18, 8))
            as cumulative_{{ column }}_btc,
    {% endfor -%}
    cast(case when zeroed.cumulative_reason is null then running.users end as bigint) as cumulative_users,
    zeroed.cumulative_reason,
    zeroed.from_block,
    zeroed.to_block,
    list_sort(list_distinct([zeroed.source_id] || zeroed.price_source_ids)) as source_ids
from zeroed
inner join running
    on zeroed.bridge_id = running.bridge_id and zeroed.date_day = running.date_day
