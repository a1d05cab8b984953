-- One row per fund, session and run of equal observations in SoSoValue's API, as known at as_of.
{{ etf_flow_runs(source('feeds', 'sosovalue__etf_flows')) }}
