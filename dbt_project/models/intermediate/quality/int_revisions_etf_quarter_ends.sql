-- One row per filed quarter end, column and answer that said otherwise, or no longer said it.
{{ revisions_of(
    tables=['edgar__etf_quarter_ends'],
    subject='etf',
    key=['fund_id', 'period_end', 'accession'],
    at='period_end',
    numbers=['btc_held', 'shares_outstanding', 'net_assets_usd'],
    others=['form', 'tag', 'filed_on'],
    entity='fund_id',
) }}
