-- One row per fund, quarter end, filing and run of equal observations at the SEC, as known at as_of.
{{ etf_quarter_end_runs(source('feeds', 'edgar__etf_quarter_ends')) }}
