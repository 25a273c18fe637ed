"""A Lambda execution environment on this machine: Runtime, Extensions, Logs, Telemetry and Invoke APIs.

It shares no code with `extension`, on purpose: two independent readings of one protocol.

    from adaptive_batching.sandbox import Environment, Function, Options, Fleet, parse_faults

For tests: `Environment` is a context manager around one execution environment, `Fleet` around several of one function.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adaptive_batching.sandbox.faults import parse as parse_faults
    from adaptive_batching.sandbox.fleet.fleet import Fleet
    from adaptive_batching.sandbox.function import Function
    from adaptive_batching.sandbox.lifecycle.environment import Environment
    from adaptive_batching.sandbox.options import Options
else:
    import importlib

    #: Public name -> where it is made. Loaded when asked for: every module of the sandbox imports this one first.
    _PUBLIC = {
        "Environment": "lifecycle.environment:Environment",
        "Fleet": "fleet.fleet:Fleet",
        "Function": "function:Function",
        "Options": "options:Options",
        "parse_faults": "faults:parse",
    }

    def __getattr__(name: str) -> object:
        if name not in _PUBLIC:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, _, there = _PUBLIC[name].partition(":")
        return getattr(importlib.import_module(f"{__name__}.{module}"), there)


__all__ = ["Environment", "Fleet", "Function", "Options", "parse_faults"]
