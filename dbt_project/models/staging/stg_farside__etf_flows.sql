-- One row per fund, session and run of equal observations on Farside's pages, as known at as_of.
{{ etf_flow_runs(source('feeds', 'farside__etf_flows')) }}
