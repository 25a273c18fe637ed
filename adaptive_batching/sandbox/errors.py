"""The sandbox's own exceptions."""


class SandboxError(Exception):
    """What was asked for cannot be run here; the message says how to mend it."""


class IsolationError(Exception):
    """The private namespace could not be made; the message says why."""
