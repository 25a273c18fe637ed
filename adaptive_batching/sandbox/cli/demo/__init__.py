"""The command `adaptive-batching demo`: its options, the demonstration and the report."""
