-- One row per flow, column and answer that said otherwise, or no longer said it.
{{ revisions_of(
    tables=['farside__etf_flows', 'sosovalue__etf_flows', 'coinglass__etf_flows', 'bitbo__etf_flows'],
    subject='etf',
    key=['fund_id', 'trade_date'],
    at='trade_date',
    numbers=['net_flow_usd', 'net_flow_btc', 'printed_total_usd'],
    others=['flow_basis', 'is_provisional'],
    entity='fund_id',
) }}
