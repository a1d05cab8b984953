-- One row per meaning of the TVL of BTCFi and day on which a part of it is observed: protocols on Bitcoin
-- itself, the chains that DefiLlama files under Bitcoin Sidechains, or both. DeFi TVL; the two overlap where
-- a token of one lies in the other, and nothing is taken off for it. No feed counts wrapped bitcoin.
with parts as (
    select
        'bitcoin_l1' as part,
        date_day,
        tvl_usd,
        cast(null as varchar) as reason,
        [source_id] as source_ids
    from {{ ref('int_chain_tvl_united') }}
    where chain_id = 'bitcoin' and tvl_definition = 'defi'
    union all
    select
        'sidechains' as part,
        date_day,
        set_tvl_usd as tvl_usd,
        share_reason as reason,
        source_ids
    from {{ ref('int_chain_sets_daily') }}
    where chain_set_id = 'llama_bitcoin_sidechains' and tvl_definition = 'defi'
),

definitions as (
    {% for definition, part in [
        ('bitcoin_l1', 'bitcoin_l1'), ('sidechains', 'sidechains'),
        ('sidechains_and_l1', 'bitcoin_l1'), ('sidechains_and_l1', 'sidechains'),
    ] -%}
        select
            '{{ definition }}' as btcfi_tvl_definition,
            '{{ part }}' as part
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

days as (
    select distinct date_day
    from parts
),

summed as (
    select
        definitions.btcfi_tvl_definition,
        days.date_day,
        sum(parts.tvl_usd) as tvl_usd,
        count(parts.tvl_usd) = count(*) as is_complete,
        min(parts.reason) as reason,
        flatten(list(parts.source_ids)) as source_ids
    from definitions
    cross join days
    left join parts
        on definitions.part = parts.part and days.date_day = parts.date_day
    group by definitions.btcfi_tvl_definition, days.date_day
)

select
    btcfi_tvl_definition,
    date_day,
    case when btcfi_tvl_definition <> 'sidechains' then 'bitcoin' end as l1_chain_id,
    case when btcfi_tvl_definition <> 'bitcoin_l1' then 'llama_bitcoin_sidechains' end as chain_set_id,
    'defi' as tvl_definition,
    cast(case when is_complete then tvl_usd end as decimal(18, 2)) as tvl_usd,
    case when not is_complete then coalesce(reason, 'tvl_missing') end as reason,
    list_sort(list_distinct(source_ids)) as source_ids
from summed
