"""The sandbox's own exception."""


class SandboxError(Exception):
    """What was asked for cannot be run here; the message says how to mend it."""
