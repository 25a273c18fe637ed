"""Objects converted once, into Parquet."""
