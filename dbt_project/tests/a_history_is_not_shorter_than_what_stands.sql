-- DefiLlama's answers are whole histories: days that stand and that the newest good answer about the chain
-- or the protocol does not have, and how many. They keep their last value.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'int_chain_tvl_united'}}}) }}
with days as (
    select
        'defillama__chain_tvl' as table_name,
        chain_id as entity_id,
        chain_id as series_id,
        date_day,
        last_seen_at
    from {{ ref('stg_defillama__chain_tvl') }}
    where is_latest
    union all
    select
        'defillama__protocol_tvl' as table_name,
        protocol_id as entity_id,
        protocol_id || '/' || chain_name || '/' || tvl_component as series_id,
        date_day,
        last_seen_at
    from {{ ref('stg_defillama__protocol_tvl') }}
    where is_latest and token_symbol = '*'
),

newest as (
    select
        asked.table_name,
        asked.entity_id,
        max(ledger.fetched_at) as newest_at
    from {{ source('feeds', 'asked') }} as asked
    inner join {{ source('feeds', 'ledger') }} as ledger
        on asked.fetch_id = ledger.fetch_id
    where asked.outcome = 'ok' and ledger.fetched_at <= {{ as_of() }}
    group by asked.table_name, asked.entity_id
)

select
    days.table_name,
    days.series_id,
    count(*) as days_standing,
    count(case when days.last_seen_at < newest.newest_at then 1 end) as days_not_sent,
    min(case when days.last_seen_at < newest.newest_at then days.date_day end) as first_not_sent,
    max(case when days.last_seen_at < newest.newest_at then days.date_day end) as last_not_sent
from days
inner join newest
    on days.table_name = newest.table_name and days.entity_id = newest.entity_id
group by days.table_name, days.series_id
having count(case when days.last_seen_at < newest.newest_at then 1 end) > 0
