"""The contract of every table that feeds fill: columns, units, keys, rules. One module per subject."""
