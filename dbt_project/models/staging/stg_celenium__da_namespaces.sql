-- One row per layer, rollup, UTC day, measure and run of equal observations at Celenium, as known at as_of.
{{ latest_runs(
    source('feeds', 'celenium__da_namespaces'),
    ["da_layer_id", "rollup_id", "date_day", "measure"],
    ["value", "unit", "rollup_slug", "namespace_id"],
) }}
