"""Dagster assets: the feeds' (made from the list of feeds), the marts' (dbt), and publishing."""
