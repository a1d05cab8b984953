-- One row per instant that a height was asked for, the end of a UTC day or the strike of a New York session:
-- the bitcoin that the subsidy rule allows up to the newest block by then.
with issued as (
    select
        asset_id,
        asked_at,
        height,
        header_at,
        cast({{ issued_sats('height') }} as decimal(38, 0)) as issued_sats,
        source_id
    from {{ ref('stg_mempool__block_heights') }}
)

select
    asset_id,
    asked_at,
    height,
    header_at,
    issued_sats,
    cast(issued_sats * 0.00000001 as decimal(18, 8)) as issued_btc,
    source_id
from issued
