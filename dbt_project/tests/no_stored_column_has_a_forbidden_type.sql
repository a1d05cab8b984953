-- Amounts are DECIMAL, text is VARCHAR, instants are naive UTC; a DOUBLE is a ratio or a statistic by
-- its name.
-- depends_on: {{ ref('etf_flows') }}
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
        or (data_type like '%DOUBLE%' and not regexp_matches(column_name, '_pct$|_ratio$|_z_[0-9]+s$'))
    )
