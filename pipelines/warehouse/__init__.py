"""The DuckDB files: the one writer, the two ways to load, publishing, readers, and the lock of a run."""
