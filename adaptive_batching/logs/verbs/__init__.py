"""The commands `adaptive-batching logs …`, one module each."""
