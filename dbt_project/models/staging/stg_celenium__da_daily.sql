-- One row per layer, UTC day, measure and run of equal observations at Celenium, as known at as_of.
{{ latest_runs(
    source('feeds', 'celenium__da_daily'), ["da_layer_id", "date_day", "measure"], ["value", "unit"],
) }}
