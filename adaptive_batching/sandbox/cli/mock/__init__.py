"""The command `sandbox mock`."""
