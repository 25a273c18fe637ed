"""A Lambda execution environment on this machine: Runtime, Extensions, Logs, Telemetry and Invoke APIs.

It shares no code with `extension`, on purpose: two independent readings of one protocol.
For tests: `Environment` is a context manager around one execution environment.
"""
