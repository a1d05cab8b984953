-- Each share is rounded to six places: n of them are within n times 1e-6 of 100, gross and deduplicated.
select
    chain_set_id,
    tvl_definition,
    date_day,
    sum(share_of_set_pct) as gross_pct,
    sum(share_of_set_deduplicated_pct) as deduplicated_pct
from {{ ref('sidechain_market_share') }}
group by chain_set_id, tvl_definition, date_day
having
    abs(sum(share_of_set_pct) - 100) > 1e-6 * count(*)
    or abs(sum(share_of_set_deduplicated_pct) - 100) > 1e-6 * count(*)
    or count(share_of_set_pct) not in (0, count(*))
    or (max(share_reason) is null) <> (count(share_of_set_pct) = count(*))
