"""The sandbox's own exceptions."""


class SandboxError(Exception):
    """The sandbox cannot run what was asked for. The message says how to fix it."""


class IsolationError(Exception):
    """The private mount namespace could not be created. The message says why."""
