-- One row per bridge whose contract keeps the coins of a chain's peg, and UTC day: how much more bitcoin was
-- in circulation on the chain at its end than at its start, against what the bridge announced.
with keepers as (
    select distinct
        contracts.bridge_id,
        pegs.chain_id,
        pegs.account
    from {{ ref('peg_accounts') }} as pegs
    inner join {{ ref('bridge_contracts') }} as contracts
        on pegs.chain_id = contracts.chain_id and pegs.account = contracts.address
),

-- a balance is that of the end of a day where its block is known to be the last one of it
levels as (
    select
        balances.chain_id,
        balances.account,
        starts.date_day - 1 as date_day,
        pegs.genesis_supply_wei - balances.balance_wei as circulating_wei,
        balances.block_number,
        balances.source_id
    from {{ ref('stg_evm_rpc__balances') }} as balances
    inner join {{ ref('int_block_days') }} as starts
        on
            balances.chain_id = starts.chain_id
            and balances.block_number = starts.before_block
            and starts.is_exact
    inner join {{ ref('peg_accounts') }} as pegs
        on balances.chain_id = pegs.chain_id and balances.account = pegs.account
)

select
    'bridges' as subject,
    'peg_supply_vs_bridge_net' as check_id,
    daily.bridge_id as entity_id,
    daily.date_day as observed_on,
    levels.source_id || '_balances' as source_a,
    levels.source_id || '_bridge_events' as source_b,
    'net_inflow_btc' as metric_id,
    'btc' as unit,
    cast((levels.circulating_wei - before.circulating_wei) * 0.000000000000000001 as decimal(38, 8))
        as value_a,
    cast(daily.net_inflow_btc as decimal(38, 8)) as value_b,
    cast(null as varchar) as reason,
    levels.chain_id,
    levels.account,
    levels.block_number,
    before.block_number as block_number_before
from keepers
inner join {{ ref('int_bridge_daily') }} as daily
    on keepers.bridge_id = daily.bridge_id
inner join levels
    on
        keepers.chain_id = levels.chain_id
        and keepers.account = levels.account
        and daily.date_day = levels.date_day
inner join levels as before
    on
        keepers.chain_id = before.chain_id
        and keepers.account = before.account
        and daily.date_day = before.date_day + 1
