"""The threads around the core, and the carrying out of its actions."""
