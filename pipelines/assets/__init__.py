"""The house as Dagster shows it: feeds made into assets by one factory, dbt's models, and the published file."""
