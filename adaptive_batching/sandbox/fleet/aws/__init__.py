"""What asynchronous invocations send to other services: metrics, records, dead letters; and the way there."""
