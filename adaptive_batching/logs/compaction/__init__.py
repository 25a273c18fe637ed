"""Compaction: many small objects of a function's day become few Parquet files."""
