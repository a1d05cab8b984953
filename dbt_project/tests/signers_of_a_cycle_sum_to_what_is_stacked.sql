-- Otherwise a page of signers is missing, or was read at another moment than the cycle.
{{ config(severity='warn') }}
select
    cycle_number,
    sum(share_of_stacked_pct) as sum_pct
from {{ ref('stacking_signers') }}
group by cycle_number
having abs(sum(share_of_stacked_pct) - 100) > 0.01
