"""Rules of sections 1, 2 and 4: journal, memory, twice."""

from __future__ import annotations

from tests.mutants.rules.removal import Removal  # noqa: TC001

REMOVALS: tuple[Removal, ...] = ()
