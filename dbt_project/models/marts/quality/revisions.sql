-- One row per feed, key, column and answer that said otherwise than the answers before it, or no longer said
-- it.
{% set models = [
    'int_revisions_etf_flows', 'int_revisions_etf_holdings', 'int_revisions_etf_quarter_ends',
    'int_revisions_asset_prices', 'int_revisions_asset_markets', 'int_revisions_address_balances',
    'int_revisions_chain_tvl', 'int_revisions_chain_snapshots', 'int_revisions_protocol_presence',
    'int_revisions_protocol_tvl', 'int_revisions_chain_stats', 'int_revisions_address_transactions',
    'int_revisions_pox_cycles', 'int_revisions_pox_signers', 'int_revisions_pox_info',
    'int_revisions_lst_reserves', 'int_revisions_da_daily', 'int_revisions_da_namespaces',
    'int_revisions_fee_rates', 'int_revisions_raas_rollups',
] %}
{% set columns = [
    'table_name', 'key_json', 'column_name', 'seen_at', 'subject', 'entity_id', 'observed_on', 'change_kind',
    'old_value', 'new_value', 'change_abs', 'change_pct', 'old_fetch_id', 'fetch_id',
] %}
with revisions as (
    {{ union_feeds(models, columns) }}
)

select
    {{ columns | join(",\n    ") }}
from revisions
where {{ in_window('observed_on') }}
