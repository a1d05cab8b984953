-- One row per check, entity, day and pair of sources: the two values, how far they are apart, and how far
-- they may be. The tolerance is the row of the seed that fits best: one for the entity beats one for the
-- source, that one for the reason, that one for all.
{% set checks = [
    'int_reconciliation_flow_row_sums', 'int_reconciliation_flow_sources',
    'int_reconciliation_flow_against_holdings', 'int_reconciliation_holdings_against_filings',
    'int_reconciliation_holdings_sources', 'int_reconciliation_strike_prices',
    'int_reconciliation_asset_prices', 'int_reconciliation_btc_supply',
    'int_reconciliation_tvl_sum_of_members', 'int_reconciliation_peg_supply',
    'int_reconciliation_chain_stats', 'int_reconciliation_lst_reserves',
    'int_reconciliation_reward_blocks',
] %}
{% set columns = [
    'subject', 'check_id', 'entity_id', 'observed_on', 'source_a', 'source_b', 'metric_id', 'unit', 'value_a',
    'value_b', 'reason',
] %}
with pairs as (
    {{ union_feeds(checks, columns) }}
),

tolerated as (
    select
        pairs.*,
        tolerances.tolerance_abs,
        tolerances.tolerance_pct,
        row_number() over (
            partition by pairs.check_id, pairs.entity_id, pairs.observed_on, pairs.source_a, pairs.source_b
            order by
                case when tolerances.entity_id = '*' then 1 else 0 end,
                case when tolerances.source_b = '*' then 1 else 0 end,
                case when tolerances.reason = '*' then 1 else 0 end
        ) as choice
    from pairs
    left join {{ ref('reconciliation_tolerances') }} as tolerances
        on
            pairs.check_id = tolerances.check_id
            and tolerances.entity_id in ('*', pairs.entity_id)
            and tolerances.source_b in ('*', pairs.source_b)
            and tolerances.reason in ('*', pairs.reason)
)

select
    check_id,
    entity_id,
    observed_on,
    source_a,
    source_b,
    subject,
    metric_id,
    unit,
    value_a,
    value_b,
    value_a - value_b as difference_abs,
    round(100 * cast(value_a - value_b as double) / nullif(abs(cast(value_a as double)), 0), 6)
        as difference_pct,
    cast(tolerance_abs as decimal(38, 8)) as tolerance_abs,
    cast(tolerance_pct as double) as tolerance_pct,
    abs(value_a - value_b) <= tolerance_abs
    -- exact: a value of 18 digits times a percentage of 9
    or abs(value_a - value_b) * 100 <= cast(abs(value_a) as decimal(28, 8)) * tolerance_pct as within,
    reason
from tolerated
where choice = 1 and {{ in_window('observed_on') }}
