"""Read the objects that the extension shipped: `adaptive-batching logs`."""
