-- One row per universe, value basis and running peak from which the value fell by 5 % or more: how deep, how
-- long, and why. A session at or above all before it is a peak; the sessions until the next one are its
-- episode. An episode that nothing has ended yet is open.
{% set effects = ['price_effect_usd', 'flow_effect_usd', 'corporate_action_effect_usd', 'residual_usd'] %}
with levels as (
    select
        fund_universe,
        'aum' as value_basis,
        trade_date,
        session_number,
        aum_usd as value_usd
    from {{ ref('int_etf_universe_daily') }}
    where aum_usd is not null
    union all
    select
        fund_universe,
        'market_value' as value_basis,
        trade_date,
        session_number,
        market_value_usd as value_usd
    from {{ ref('int_etf_universe_daily') }}
    where market_value_usd is not null
),

marked as (
    select
        levels.*,
        value_usd >= max(value_usd) over (
            partition by fund_universe, value_basis order by session_number
            rows between unbounded preceding and current row
        ) as is_peak
    from levels
),

numbered as (
    select
        marked.*,
        sum(case when is_peak then 1 else 0 end) over (
            partition by fund_universe, value_basis order by session_number
            rows between unbounded preceding and current row
        ) as episode_number
    from marked
),

ordered as (
    select
        numbered.*,
        row_number() over (
            partition by fund_universe, value_basis, episode_number order by value_usd, session_number
        ) as depth
    from numbered
),

episodes as (
    select
        fund_universe,
        value_basis,
        max(case when is_peak then trade_date end) as peak_on,
        max(case when is_peak then session_number end) as peak_number,
        max(case when is_peak then value_usd end) as peak_value_usd,
        max(case when depth = 1 then trade_date end) as trough_on,
        max(case when depth = 1 then session_number end) as trough_number,
        max(case when depth = 1 then value_usd end) as trough_value_usd
    from ordered
    group by fund_universe, value_basis, episode_number
),

followed as (
    select
        episodes.*,
        lead(peak_on) over (partition by fund_universe, value_basis order by peak_on) as recovered_on
    from episodes
),

deep as (
    select *
    from followed
    where (peak_value_usd - trough_value_usd) * 20 >= peak_value_usd and trough_number > peak_number
),

explained as (
    select
        deep.fund_universe,
        deep.value_basis,
        deep.peak_on,
        count(split.price_effect_usd) as days_with_split,
        sum(split.price_effect_usd) as price_effect_usd,
        sum(split.flow_effect_usd) as flow_effect_usd,
        sum(split.corporate_action_effect_usd) as corporate_action_effect_usd,
        sum(
            case deep.value_basis when 'aum' then split.residual_usd else split.market_value_residual_usd end
        ) as residual_usd
    from deep
    inner join {{ ref('int_etf_universe_split') }} as split
        on
            deep.fund_universe = split.fund_universe
            and deep.peak_on < split.trade_date
            and deep.trough_on >= split.trade_date
    group by deep.fund_universe, deep.value_basis, deep.peak_on
),

sourced as (
    select
        deep.fund_universe,
        deep.value_basis,
        deep.peak_on,
        list_sort(list_distinct(flatten(list(daily.holdings_source_ids)))) as source_ids
    from deep
    inner join {{ ref('int_etf_universe_daily') }} as daily
        on
            deep.fund_universe = daily.fund_universe
            and deep.peak_on <= daily.trade_date
            and deep.trough_on >= daily.trade_date
    group by deep.fund_universe, deep.value_basis, deep.peak_on
)

select
    deep.fund_universe,
    deep.value_basis,
    deep.peak_on,
    deep.trough_on,
    deep.recovered_on,
    cast(deep.trough_number - deep.peak_number as integer) as sessions_to_trough,
    deep.peak_value_usd,
    deep.trough_value_usd,
    cast(deep.trough_value_usd - deep.peak_value_usd as decimal(18, 2)) as drawdown_usd,
    round(
        100 * cast(deep.trough_value_usd - deep.peak_value_usd as double)
        / cast(deep.peak_value_usd as double), 6
    ) as drawdown_pct,
    {% for column in effects -%}
        cast(
            case
                when explained.days_with_split = deep.trough_number - deep.peak_number
                    then explained.{{ column }}
            end as decimal(18, 2)
        ) as {{ column }},
    {% endfor -%}
    deep.recovered_on is null as is_open,
    sourced.source_ids
from deep
inner join explained
    on
        deep.fund_universe = explained.fund_universe
        and deep.value_basis = explained.value_basis
        and deep.peak_on = explained.peak_on
inner join sourced
    on
        deep.fund_universe = sourced.fund_universe
        and deep.value_basis = sourced.value_basis
        and deep.peak_on = sourced.peak_on
