-- One row per day of a node's constants, column and answer that said otherwise, or no longer said it.
{{ revisions_of(
    tables=['hiro__pox_info'],
    subject='stacking',
    key=['chain_id', 'snapshot_on'],
    at='snapshot_on',
    numbers=[
        'first_burnchain_block_height', 'reward_cycle_length', 'prepare_phase_block_length', 'current_cycle',
        'stacked_ustx',
    ],
    others=['pox_version'],
    entity='chain_id',
) }}
