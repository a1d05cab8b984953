-- One row per bridge with a feed and UTC day between the known headers of its chain: the blocks that may lie
-- in the day, and whether all that the bridge did in them is known. Blocks before its first contract hold
-- nothing.
with first_contracts as (
    select
        bridges.bridge_id,
        bridges.chain_id,
        min(contracts.from_block) as first_block
    from {{ ref('bridges') }} as bridges
    inner join {{ ref('bridge_contracts') }} as contracts
        on bridges.bridge_id = contracts.bridge_id
    where bridges.has_feed
    group by bridges.bridge_id, bridges.chain_id
),

-- the day of a block between two known headers is not known: all that may be of the day must be covered
days as (
    select
        first_contracts.bridge_id,
        first_contracts.chain_id,
        starts.date_day,
        first_contracts.first_block,
        starts.before_block,
        ends.after_block,
        greatest(coalesce(starts.before_block + 1, 0), first_contracts.first_block) as from_block,
        ends.after_block - 1 as to_block
    from first_contracts
    inner join {{ ref('int_block_days') }} as starts
        on first_contracts.chain_id = starts.chain_id
    inner join {{ ref('int_block_days') }} as ends
        on starts.chain_id = ends.chain_id and starts.date_day + 1 = ends.date_day
),

undated as (
    select
        bridge_id,
        block_number
    from {{ ref('int_bridge_transfers') }}
    where block_at is null
),

first_undated as (
    select
        bridge_id,
        min(block_number) as block_number
    from undated
    group by bridge_id
),

undated_days as (
    select distinct
        days.bridge_id,
        days.date_day
    from days
    inner join undated
        on
            days.bridge_id = undated.bridge_id
            and undated.block_number between days.from_block and days.to_block
)

select
    days.bridge_id,
    days.chain_id,
    days.date_day,
    cast(date_trunc('month', days.date_day) as date) as month_start,
    days.before_block,
    days.after_block,
    days.from_block,
    days.to_block,
    case
        when days.to_block < days.first_block then 'before_start'
        when coverage.bridge_id is null then 'not_covered'
        when undated_days.bridge_id is not null then 'block_time_missing'
        else 'covered'
    end as day_state,
    case
        when days.to_block < days.first_block then 'before_start'
        when coverage.bridge_id is null or coverage.from_block > days.first_block
            then 'not_covered_from_start'
        when first_undated.block_number <= days.to_block then 'block_time_missing'
    end as cumulative_reason,
    coverage.source_id
from days
left join {{ ref('int_block_coverage') }} as coverage
    on
        days.bridge_id = coverage.bridge_id
        and days.from_block >= coverage.from_block
        and days.to_block <= coverage.to_block
left join undated_days
    on days.bridge_id = undated_days.bridge_id and days.date_day = undated_days.date_day
left join first_undated
    on days.bridge_id = first_undated.bridge_id
