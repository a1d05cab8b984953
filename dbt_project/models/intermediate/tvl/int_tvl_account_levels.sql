-- One row per set of chains, definition of TVL, day and level of the account: what its members have
-- together, gross and after each kind of deduction. A level is not known where it is not known of one
-- member.
with summed as (
    select
        chain_set_id,
        tvl_definition,
        date_day,
        sum(tvl_usd) as gross_usd,
        case when count(*) = count(tvl_deduplicated_usd) then sum(tvl_deduplicated_usd) end
            as deduplicated_usd,
        case when count(*) = count(tvl_native_usd) then sum(tvl_native_usd) end as native_usd
    from {{ ref('int_chain_set_members_net') }}
    group by chain_set_id, tvl_definition, date_day
)

{% for kind in ['gross', 'deduplicated', 'native'] -%}
    select
        sets.chain_set_id,
        sets.tvl_definition,
        sets.date_day,
        '{{ kind }}' as line_kind,
        cast(case when sets.share_reason is null then summed.{{ kind }}_usd end as decimal(18, 2))
            as amount_usd,
        case
            when sets.share_reason is not null then sets.share_reason
            when summed.{{ kind }}_usd is null then 'token_missing'
        end as reason
    from {{ ref('int_chain_sets_daily') }} as sets
    inner join summed
        on
            sets.chain_set_id = summed.chain_set_id
            and sets.tvl_definition = summed.tvl_definition
            and sets.date_day = summed.date_day
    {% if not loop.last -%}
        union all
    {% endif -%}
{% endfor -%}
