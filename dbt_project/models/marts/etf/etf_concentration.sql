-- One row per universe of funds and session on which a member reports: how the bitcoin is spread over its
-- funds and their issuers. HHI is the sum of the squared shares in percent: 10000 / n where all n are equal,
-- 10000 where one has all.
with levels as (
    select
        fund_universe,
        trade_date,
        holder_level,
        count(*) as holders,
        nullif(cast(sum(btc_held) as double), 0) as total_btc,
        -- squares to 16 decimals: exact, so that no order of addition matters
        cast(sum(cast(btc_held as decimal(38, 8)) * btc_held) as double) as sum_of_squares,
        cast(sum(case when place = 1 then btc_held end) as double) as top1_btc,
        cast(sum(case when place <= 3 then btc_held end) as double) as top3_btc,
        cast(sum(case when holder_id = 'grayscale' then btc_held end) as double) as grayscale_btc,
        max(case when place = 1 then holder_id end) as largest_id
    from {{ ref('int_etf_universe_holders') }}
    group by fund_universe, trade_date, holder_level
),

measured as (
    select
        levels.*,
        10000 * sum_of_squares / (total_btc * total_btc) as hhi,
        total_btc * total_btc / nullif(sum_of_squares, 0) as effective_number
    from levels
)

select
    daily.fund_universe,
    daily.trade_date,
    round(funds.hhi, 4) as hhi_fund,
    round(issuers.hhi, 4) as hhi_issuer,
    round(100 * funds.top1_btc / funds.total_btc, 6) as top1_share_pct,
    round(100 * funds.top3_btc / funds.total_btc, 6) as top3_share_pct,
    round(funds.effective_number, 4) as effective_funds,
    round(issuers.effective_number, 4) as effective_issuers,
    cast(funds.holders as integer) as n_funds,
    cast(issuers.holders as integer) as n_issuers,
    funds.largest_id as largest_fund_id,
    issuers.largest_id as largest_issuer_id,
    round(100 * issuers.grayscale_btc / issuers.total_btc, 6) as grayscale_share_pct,
    daily.btc_held is not null as is_complete,
    case when daily.btc_held is null then 'holding_missing' end as reason,
    daily.holdings_source_ids as source_ids
from {{ ref('int_etf_universe_daily') }} as daily
left join measured as funds
    on
        daily.fund_universe = funds.fund_universe
        and daily.trade_date = funds.trade_date
        and funds.holder_level = 'fund'
        and daily.btc_held is not null
left join measured as issuers
    on
        daily.fund_universe = issuers.fund_universe
        and daily.trade_date = issuers.trade_date
        and issuers.holder_level = 'issuer'
        and daily.btc_held is not null
where
    daily.is_any_reported
    and {{ in_window('daily.trade_date') }}
