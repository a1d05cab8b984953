-- One row per Bitcoin block of a UTC day both of whose ends have a height. Headers are known of the newest
-- block at the ends of a day and at its strike; the blocks between them are spread evenly, within the day
-- that their height says.
with heights as (
    select
        asset_id,
        asked_at,
        height,
        header_at,
        source_id
    from {{ ref('stg_mempool__block_heights') }}
),

days as (
    select
        cast(starts.asked_at as date) as date_day,
        starts.asked_at as starts_at,
        ends.asked_at as ends_at,
        starts.height as height_before,
        ends.height as last_height
    from heights as starts
    inner join heights as ends
        on starts.asset_id = ends.asset_id and starts.asked_at + interval 1 day = ends.asked_at
    where starts.asked_at = date_trunc('day', starts.asked_at)
),

stretches as (
    select
        days.date_day,
        days.starts_at,
        days.ends_at,
        heights.*,
        lead(heights.asked_at) over in_day as next_asked_at,
        lead(heights.height) over in_day as next_height,
        lead(heights.header_at) over in_day as next_header_at
    from days
    inner join heights
        on
            heights.asked_at between days.starts_at and days.ends_at
            and heights.height between days.height_before and days.last_height
    window in_day as (partition by days.date_day order by heights.asked_at)
),

blocks as (
    select
        stretches.*,
        unnest(generate_series(height + 1, next_height)) as burn_block_height
    from stretches
    where next_height > height
),

timed as (
    select
        blocks.*,
        header_at + to_seconds(
            date_diff('second', header_at, next_header_at)
            * (burn_block_height - height) // (next_height - height)
        ) as spread_at
    from blocks
)

select
    burn_block_height,
    date_day,
    greatest(starts_at, least(ends_at - interval 1 second, spread_at)) as block_at,
    burn_block_height < next_height as is_estimated,
    asset_id,
    asked_at as before_asked_at,
    next_asked_at as after_asked_at,
    source_id
from timed
-- only heights that fall from one day to the next say a block twice
qualify row_number() over (partition by burn_block_height order by date_day) = 1
