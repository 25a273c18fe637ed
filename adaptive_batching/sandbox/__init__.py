"""A Lambda execution environment on this machine: Runtime, Extensions, Logs, Telemetry and Invoke APIs.

The sandbox shares no code with `extension`, on purpose: each implements the protocol by itself and checks the other.

    from adaptive_batching.sandbox import Environment, Function, Options, Fleet, Landscape, parse_faults

Tests use these names. `Environment` is a context manager for one execution environment, `Fleet` for several
environments of one function, `Landscape` for all functions of a template and what invokes them.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adaptive_batching.sandbox.faults import parse as parse_faults
    from adaptive_batching.sandbox.fleet.fleet import Fleet
    from adaptive_batching.sandbox.function import Function
    from adaptive_batching.sandbox.landscape.landscape import Landscape
    from adaptive_batching.sandbox.lifecycle.environment import Environment
    from adaptive_batching.sandbox.options import Options
else:
    import importlib

    #: Public name -> "module:name in it". Loaded on access, because every module of the sandbox imports this one first.
    _PUBLIC = {
        "Environment": "lifecycle.environment:Environment",
        "Fleet": "fleet.fleet:Fleet",
        "Function": "function:Function",
        "Landscape": "landscape.landscape:Landscape",
        "Options": "options:Options",
        "parse_faults": "faults:parse",
    }

    def __getattr__(name: str) -> object:
        if name not in _PUBLIC:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, _, there = _PUBLIC[name].partition(":")
        return getattr(importlib.import_module(f"{__name__}.{module}"), there)


__all__ = ["Environment", "Fleet", "Function", "Landscape", "Options", "parse_faults"]
