-- One row per fund and quarter end that a filing known at as_of states: the figures of the latest filing, all
-- of that one accession. A later filing restates shares for a split; it is a row of its own below this model,
-- and never mixes with the shares of another.
with filings as (
    select
        edgar.*,
        row_number() over (
            partition by fund_id, period_end order by filed_on desc, accession desc
        ) as choice,
        count(*) over (partition by fund_id, period_end) as filings_count,
        min(btc_held) over (partition by fund_id, period_end) as lowest_btc,
        max(btc_held) over (partition by fund_id, period_end) as highest_btc
    from {{ ref('stg_edgar__etf_quarter_ends') }} as edgar
    where is_latest
)

select
    fund_id,
    period_end,
    accession,
    form,
    tag,
    filed_on,
    btc_held,
    shares_outstanding,
    net_assets_usd,
    cast(
        round(cast(btc_held as double) / nullif(cast(shares_outstanding as double), 0), 18) as decimal(38, 18)
    ) as btc_per_share,
    cast(filings_count as integer) as filings_count,
    lowest_btc <> highest_btc as is_disputed,
    source_id,
    run_number
from filings
where choice = 1
