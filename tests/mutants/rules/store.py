"""Rules of section 3: retry and circuit."""

from __future__ import annotations

from tests.mutants.rules.removal import removal

REMOVALS = (
    removal(
        "three failures in a row of any kind open the circuit",
        "circuit.py",
        "FAILURES = 3  # in a row",
        "FAILURES = 10**9  # in a row",
    ),
    removal(
        "three failures in a row of any kind open the circuit",
        "circuit.py",
        "FAILURES = 3  # in a row",
        "FAILURES = 2  # in a row",
    ),
)
