"""The decisions: when to close a chunk, hold an invocation, try again, leave. Pure: time is an argument."""
