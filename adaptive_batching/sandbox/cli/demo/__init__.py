"""The command `adaptive-batching demo`: what it does, and what it says of that."""
