{# What a blob of so many bytes takes on Celestia, alone in its transaction. `of` is a relation with the parameters in
   force as columns (seeds.da_parameters): share_bytes, first_share_bytes, next_share_bytes, gas_per_blob_byte and
   fixed_gas. The first share holds fewer bytes, and the last one is paid for whole. #}
{% macro celestia_shares(bytes, of) -%}
    (
        1 + (greatest({{ bytes }} - cast({{ of }}.first_share_bytes as bigint), 0)
        + cast({{ of }}.next_share_bytes as bigint) - 1) // cast({{ of }}.next_share_bytes as bigint)
    )
{%- endmacro %}

{% macro celestia_gas(bytes, of) -%}
    (
        cast({{ of }}.fixed_gas as bigint)
        + {{ celestia_shares(bytes, of) }}
        * cast({{ of }}.share_bytes as bigint) * cast({{ of }}.gas_per_blob_byte as bigint)
    )
{%- endmacro %}

{# Blobs of Ethereum that so many bytes fill; a blob is paid for whole. `bytes_per_blob` is what one of them holds. #}
{% macro ethereum_blobs(bytes, bytes_per_blob) -%}
    (({{ bytes }} + cast({{ bytes_per_blob }} as bigint) - 1) // cast({{ bytes_per_blob }} as bigint))
{%- endmacro %}
