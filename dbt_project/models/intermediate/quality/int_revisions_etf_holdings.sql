-- One row per holding, column and answer that said otherwise, or no longer said it.
{{ revisions_of(
    tables=[
        'ishares__etf_holdings', 'ark__etf_holdings', 'bitwise__etf_holdings', 'vaneck__etf_holdings',
        'franklin__etf_holdings', 'invesco__etf_holdings', 'coinshares__etf_holdings',
        'btcetffundflow__etf_holdings',
    ],
    subject='etf',
    key=['fund_id', 'trade_date'],
    at='trade_date',
    numbers=['btc_held', 'aum_usd', 'nav_per_share_usd', 'shares_outstanding'],
    others=['is_estimated'],
    entity='fund_id',
) }}
