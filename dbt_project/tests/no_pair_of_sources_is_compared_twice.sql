-- A pair has one order: a against b, never b against a as well.
select
    pairs.check_id,
    pairs.entity_id,
    pairs.observed_on,
    pairs.source_a,
    pairs.source_b
from {{ ref('reconciliation') }} as pairs
inner join {{ ref('reconciliation') }} as turned
    on
        pairs.check_id = turned.check_id
        and pairs.entity_id = turned.entity_id
        and pairs.observed_on = turned.observed_on
        and pairs.source_a = turned.source_b
        and pairs.source_b = turned.source_a
