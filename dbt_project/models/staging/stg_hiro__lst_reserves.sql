-- One row per protocol, block of Stacks, measure and run of equal observations at Hiro's node, as known at
-- as_of.
{{ latest_runs(
    source('feeds', 'hiro__lst_reserves'), ["protocol_id", "index_block_hash", "measure"], ["amount_ustx"],
) }}
