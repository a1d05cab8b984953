{# The revisions of feeds that share a contract and are kept by `observe` (pipelines/tables): what later answers said
   otherwise, column by column, and what they no longer said. `key`, `numbers` and `others` are the columns of the
   contract; `at` is the one that says what day a row is about (an instant is of the day that it ends or lies in; where
   it is not of the key, what was said of it first counts); `entity` is what it is about, and `covered_by` the same as
   feeds.asked has it. Where several series of an entity are asked for by themselves (`by_question`), an answer speaks of
   the rows that came from its address, the numbers in it left out. Answers of one instant are one observation: its last
   one counts. #}
{% macro revisions_of(tables, subject, key, at, numbers, others, entity, covered_by=none, by_question=false) -%}
{%- set columns = (numbers + others) | sort -%}
{%- set about = at if at in key else "about_day" -%}
{%- set shown = ["table_name"] + key + ([] if at in key else [about]) -%}
{%- set question = "|| ' ' || regexp_replace(ledger.url, '[0-9-]+', '', 'g')" if by_question else "" -%}
with runs as (
    {%- for table in tables %}
    select
        '{{ table }}' as table_name,
        {{ (key + columns) | join(",\n        ") }},
        {%- if at not in key %}
        first_value({{ at }}) over (partition by {{ key | join(", ") }} order by run_number) as {{ about }},
        {%- endif %}
        fetch_id,
        fetched_at,
        run_number,
        last_seen_at,
        is_latest
    from {{ ref("stg_" ~ table) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

revised as (
    select distinct {{ shown | join(", ") }}
    from runs
    where run_number > 1
),

placed as (
    select
        runs.*,
        row_number() over (
            partition by {% for name in shown %}runs.{{ name }}, {% endfor %}runs.fetched_at
            order by runs.run_number desc
        ) as instant_place
    from runs
    inner join revised
        on
            {% for name in shown %}
            {%- if not loop.first %}and {% endif %}runs.{{ name }} = revised.{{ name }}
            {% endfor %}
),

paired as (
    select
        placed.*,
        {%- for column in columns %}
        lag({{ column }}) over series as old_{{ column }},
        {%- endfor %}
        lag(fetch_id) over series as old_fetch_id
    from placed
    where instant_place = 1
    window series as (partition by {{ shown | join(", ") }} order by run_number)
),

cells as (
    {%- for column in columns %}
    select
        {{ shown | join(",\n        ") }},
        '{{ column }}' as column_name,
        fetched_at as seen_at,
        cast(old_{{ column }} as varchar) as old_value,
        cast({{ column }} as varchar) as new_value,
        {%- if column in numbers %}
        cast({{ column }} - old_{{ column }} as decimal(38, 8)) as change_abs,
        round(
            100 * cast({{ column }} - old_{{ column }} as double) / nullif(abs(cast(old_{{ column }} as double)), 0), 6
        ) as change_pct,
        {%- else %}
        cast(null as decimal(38, 8)) as change_abs,
        cast(null as double) as change_pct,
        {%- endif %}
        old_fetch_id,
        fetch_id,
        {{ entity }} as entity_id
    from paired
    where old_fetch_id is not null and {{ column }} is distinct from old_{{ column }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

remembered as (
    select
        cells.*,
        -- a mark before each value, so that NULL is one among them
        list(coalesce('=' || old_value, '')) over (
            partition by {{ shown | join(", ") }}, column_name order by seen_at
            rows between unbounded preceding and 1 preceding
        ) as stood_before
    from cells
),

answers as (
    select
        asked.table_name,
        asked.entity_id {{ question }} as entity_id,
        asked.from_at,
        asked.to_at,
        asked.fetch_id,
        ledger.fetched_at,
        max(ledger.fetched_at) over (partition by asked.table_name, asked.entity_id {{ question }}) as newest_at
    from {{ source("feeds", "asked") }} as asked
    inner join {{ source("feeds", "ledger") }} as ledger
        on asked.fetch_id = ledger.fetch_id
    where asked.outcome = 'ok' and ledger.fetched_at <= {{ as_of() }}
),

newest as (
    select distinct
        table_name,
        entity_id,
        newest_at
    from answers
),

-- what the newest answer about its entity did not say, before the ranges of the answers are looked at
unsaid as (
    select
        runs.*,
        newest.entity_id as asked_entity_id
    from runs
    {%- if by_question %}
    inner join {{ source("feeds", "ledger") }} as ledger
        on runs.fetch_id = ledger.fetch_id
    {%- endif %}
    inner join newest
        on
            runs.table_name = newest.table_name
            and runs.{{ covered_by or entity }} {{ question }} = newest.entity_id
            and runs.last_seen_at < newest.newest_at
    where runs.is_latest
),

-- one question for all rows of an entity and instant that were last said together
silences as (
    select distinct
        table_name,
        asked_entity_id,
        last_seen_at,
        {{ about }}
    from unsaid
),

first_without as (
    select
        silences.table_name,
        silences.asked_entity_id,
        silences.last_seen_at,
        silences.{{ about }},
        answers.fetched_at as unsent_at,
        answers.fetch_id as unsent_fetch_id,
        row_number() over (
            partition by
                silences.table_name, silences.asked_entity_id, silences.last_seen_at, silences.{{ about }}
            order by answers.fetched_at, answers.fetch_id
        ) as answer_place
    from silences
    inner join answers
        on
            silences.table_name = answers.table_name
            and silences.asked_entity_id = answers.entity_id
            and silences.last_seen_at < answers.fetched_at
            and silences.{{ about }} >= answers.from_at
            and silences.{{ about }} < answers.to_at
),

unsent as (
    select
        unsaid.*,
        first_without.unsent_at,
        first_without.unsent_fetch_id
    from unsaid
    inner join first_without
        on
            unsaid.table_name = first_without.table_name
            and unsaid.asked_entity_id = first_without.asked_entity_id
            and unsaid.last_seen_at = first_without.last_seen_at
            and unsaid.{{ about }} = first_without.{{ about }}
            and first_without.answer_place = 1
),

revisions as (
    select
        {{ shown | join(",\n        ") }},
        column_name,
        seen_at,
        entity_id,
        case
            when list_contains(coalesce(stood_before, []), coalesce('=' || new_value, '')) then 'reverted'
            else 'changed'
        end as change_kind,
        old_value,
        new_value,
        change_abs,
        change_pct,
        old_fetch_id,
        fetch_id
    from remembered
    union all
    select
        {{ shown | join(",\n        ") }},
        '*' as column_name,
        unsent_at as seen_at,
        {{ entity }} as entity_id,
        'no_longer_sent' as change_kind,
        cast(json_object({% for column in columns %}'{{ column }}', {{ column }}{% if not loop.last %}, {% endif %}{% endfor %}) as varchar) as old_value,
        cast(null as varchar) as new_value,
        cast(null as decimal(38, 8)) as change_abs,
        cast(null as double) as change_pct,
        fetch_id as old_fetch_id,
        unsent_fetch_id as fetch_id
    from unsent
)

select
    revisions.*,
    '{{ subject }}' as subject,
    cast({{ about }}{% if about.endswith("_at") %} - interval 1 microsecond{% endif %} as date) as observed_on,
    cast(json_object({% for name in key | sort %}'{{ name }}', {{ name }}{% if not loop.last %}, {% endif %}{% endfor %}) as varchar) as key_json
from revisions
{%- endmacro %}
