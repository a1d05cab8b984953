-- One row per fund, session and run of equal observations in Bitbo's table, as known at as_of.
{{ etf_flow_runs(source('feeds', 'bitbo__etf_flows')) }}
