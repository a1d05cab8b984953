-- One row per chain, UTC day all of whose transactions were answered for, and address that sent one in it.
with ends as (
    select
        source_id,
        entity,
        fetched_at,
        -- a day is asked for from its last block down; the answer about the block before it closes it
        make_timestamp(1000000 * try_cast(regexp_extract(url, '/([0-9]+)$', 1) as bigint)) as asked_at
    from {{ source('feeds', 'ledger') }}
    where
        source_id || '__' || entity = 'hiro__active_addresses'
        and outcome = 'ok'
        and fetched_at <= {{ as_of() }}
),

conversations as (
    select
        closing.source_id,
        closing.entity,
        cast(closing.asked_at as date) as date_day,
        max(opening.fetched_at) as opened_at,
        closing.fetched_at as closed_at
    from ends as closing
    inner join ends as opening
        on
            closing.asked_at + interval 1 day - interval 1 second = opening.asked_at
            and closing.fetched_at >= opening.fetched_at
    where closing.asked_at = date_trunc('day', closing.asked_at)
    group by closing.source_id, closing.entity, closing.asked_at, closing.fetched_at
),

pages as (
    select
        conversations.date_day,
        conversations.closed_at,
        bool_or(attempts.outcome = 'ok') as is_told
    from conversations
    inner join {{ source('feeds', 'ledger') }} as attempts
        on
            conversations.source_id = attempts.source_id
            and conversations.entity = attempts.entity
            and conversations.opened_at <= attempts.fetched_at
            and conversations.closed_at >= attempts.fetched_at
    group by conversations.date_day, conversations.closed_at, attempts.url
),

-- a page that never came, or was refused, leaves a hole
closed as (
    select
        date_day,
        bool_and(is_told) as is_covered
    from pages
    group by date_day, closed_at
),

covered as (
    select distinct date_day
    from closed
    where is_covered
)

select
    transactions.chain_id,
    transactions.date_day,
    cast(date_trunc('week', transactions.date_day) as date) as week_start,
    cast(date_trunc('month', transactions.date_day) as date) as month_start,
    transactions.address,
    count(*) as tx_count,
    cast(sum(transactions.fee_ustx) as decimal(38, 0)) as fee_ustx,
    min(transactions.source_id) as source_id
from {{ ref('stg_hiro__active_addresses') }} as transactions
inner join covered
    on transactions.date_day = covered.date_day
where transactions.is_latest
group by transactions.chain_id, transactions.date_day, transactions.address
