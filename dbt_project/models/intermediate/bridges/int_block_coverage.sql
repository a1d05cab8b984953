-- One row per bridge and unbroken range of blocks whose events and states the answers speak about, as known
-- at as_of. A range may be empty of events.
with answers as (
    select
        asked.entity_id as bridge_id,
        asked.from_block,
        asked.to_block,
        min(asked.source_id) as source_id
    from {{ source('feeds', 'asked') }} as asked
    inner join {{ source('feeds', 'ledger') }} as ledger
        on asked.fetch_id = ledger.fetch_id
    where
        asked.table_name in ('evm_rpc__bridge_events', 'evm_rpc__bridge_status')
        and asked.outcome = 'ok'
        and ledger.fetched_at <= {{ as_of() }}
    group by asked.fetch_id, asked.entity_id, asked.from_block, asked.to_block
    -- an answer whose events could be read and whose states could not says no volume
    having count(distinct asked.table_name) = 2
),

reached as (
    select
        answers.*,
        max(to_block) over (
            partition by bridge_id order by from_block, to_block
            rows between unbounded preceding and 1 preceding
        ) as covered_to
    from answers
),

numbered as (
    select
        reached.*,
        count(*) filter (where covered_to is null or from_block > covered_to + 1) over (
            partition by bridge_id order by from_block, to_block
            rows between unbounded preceding and current row
        ) as range_number
    from reached
)

select
    bridges.bridge_id,
    bridges.chain_id,
    min(numbered.from_block) as from_block,
    max(numbered.to_block) as to_block,
    min(numbered.source_id) as source_id
from numbered
inner join {{ ref('bridges') }} as bridges
    on numbered.bridge_id = bridges.bridge_id
group by bridges.bridge_id, bridges.chain_id, numbered.range_number
