"""The command `adaptive-batching sandbox up`: all functions of a template with their event sources."""
