-- Three members have at most the whole; HHI is 10000 / n where all are equal and 10000 where one has all,
-- to the four decimals that it is rounded to.
{{ config(meta={'dagster': {'ref': {'name': 'sidechain_market_share'}}}) }}
select
    chain_set_id,
    tvl_definition,
    date_day,
    chain_id,
    cr3_pct,
    hhi
from {{ ref('sidechain_market_share') }}
where
    cr3_pct > 100
    or cr3_pct <= 0
    or hhi not between 10000.0 / set_members_present - 0.0001 and 10000.0001
    or rank_in_set not between 1 and set_members_present
    or len(missing_members) <> set_members - set_members_present
    or len(top3_chain_ids) <> least(3, set_members_present)
