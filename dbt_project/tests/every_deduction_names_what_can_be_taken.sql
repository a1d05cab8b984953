-- Levels by token are known of vaults only, and a chain as a whole has no tokens.
{{ config(meta={'dagster': {'ref': {'name': 'int_tvl_deductions'}}}) }}
select
    rules.rule_id,
    rules.protocol_id,
    rules.token_symbol,
    protocols.role
from {{ ref('tvl_deduction_rules') }} as rules
left join {{ ref('protocols') }} as protocols
    on rules.protocol_id = protocols.protocol_id
where
    (rules.protocol_id is null and rules.token_symbol is not null)
    or (
        rules.protocol_id is not null
        and (protocols.role is distinct from 'vault' or protocols.chain_id is distinct from rules.chain_id)
    )
    or rules.token_symbol <> upper(rules.token_symbol)
