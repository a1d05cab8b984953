-- Amounts are DECIMAL, text is VARCHAR, instants are naive UTC; a DOUBLE is a ratio or a statistic by
-- its name.
-- depends_on: {{ ref('asset_market_daily') }}
-- depends_on: {{ ref('bridge_native_vs_nonnative') }}
-- depends_on: {{ ref('bridge_throughput') }}
-- depends_on: {{ ref('l2_activity') }}
-- depends_on: {{ ref('tvl_mcap_scenarios') }}
-- depends_on: {{ ref('etf_flows') }}
-- depends_on: {{ ref('etf_market_daily') }}
-- depends_on: {{ ref('etf_concentration') }}
-- depends_on: {{ ref('etf_drawdowns') }}
-- depends_on: {{ ref('etf_quarterly') }}
-- depends_on: {{ ref('reconciliation') }}
-- depends_on: {{ ref('revisions') }}
-- depends_on: {{ ref('sidechain_market_share') }}
-- depends_on: {{ ref('sidechain_share_period') }}
-- depends_on: {{ ref('stacking_rewards') }}
-- depends_on: {{ ref('stacking_rewards_daily') }}
-- depends_on: {{ ref('stacking_signers') }}
-- depends_on: {{ ref('tvl_deductions') }}
select
    table_schema,
    table_name,
    column_name,
    data_type
from information_schema.columns
where
    table_catalog = current_database()
    and table_schema in ('intermediate', 'marts', 'seeds')
    and (
        regexp_matches(data_type, 'HUGEINT|FLOAT|REAL|WITH TIME ZONE|TIMESTAMPTZ|UUID|JSON')
        or (
            data_type like '%DOUBLE%'
            and not regexp_matches(
                column_name,
                '_pct$|_ratio$|_z_[0-9]+s$|^corr_lag_|^hhi|^effective_|^tx_per_|^tx_slope_'
                || '|^duration_days$|^mean_sats_per_block$|_cv_[0-9]+c$'
            )
        )
    )
