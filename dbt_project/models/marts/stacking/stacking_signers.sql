-- One row per reward cycle that has begun and signer: what it stacks, and its part of what all stack.
select
    signers.cycle_number,
    signers.signing_key,
    signers.signer_address,
    signers.weight,
    try_cast(signers.stacked_ustx * 0.000001 as decimal(38, 8)) as stacked_stx,
    round(
        100 * cast(signers.stacked_ustx as double) / nullif(cast(stacked.total_stacked_ustx as double), 0), 6
    ) as share_of_stacked_pct,
    signers.solo_count,
    signers.pooled_count,
    list_sort(list_distinct([signers.source_id, stacked.source_id])) as source_ids
from {{ ref('stg_hiro__pox_signers') }} as signers
inner join {{ ref('int_stacking_cycles') }} as cycles
    on signers.chain_id = cycles.chain_id and signers.cycle_number = cycles.cycle_number
left join {{ ref('stg_hiro__pox_cycles') }} as stacked
    on
        signers.chain_id = stacked.chain_id
        and signers.cycle_number = stacked.cycle_number
        and stacked.is_latest
where signers.is_latest and {{ overlaps_window('cycles.first_known_day', 'cycles.last_known_day') }}
