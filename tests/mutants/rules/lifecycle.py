"""Rules of sections 5 to 7: SHUTDOWN, broken input, accounting."""

from __future__ import annotations

from tests.mutants.rules.removal import Removal  # noqa: TC001

REMOVALS: tuple[Removal, ...] = ()
