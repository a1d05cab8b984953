-- One row per asset, UTC day and pair of price sources, the better-ranked one as a: what the coin costs at
-- the end of the day. A record of an hour or more away from it explains a difference.
with prices as (
    select
        united.*,
        coalesce(
            priced_at <= observed_at - interval 1 hour or priced_at >= observed_at + interval 1 hour, false
        ) as is_of_another_hour,
        row_number() over (
            partition by asset_id, date_day order by source_rank nulls last, source_id
        ) as place
    from {{ ref('int_asset_market_united') }} as united
)

select
    'market' as subject,
    'asset_price_sources' as check_id,
    a.asset_id as entity_id,
    a.date_day as observed_on,
    a.source_id as source_a,
    b.source_id as source_b,
    'price_usd' as metric_id,
    'usd' as unit,
    a.price_usd as value_a,
    b.price_usd as value_b,
    case when a.is_of_another_hour or b.is_of_another_hour then 'priced_at_another_hour' end as reason
from prices as a
inner join prices as b
    on a.asset_id = b.asset_id and a.date_day = b.date_day and a.place < b.place
