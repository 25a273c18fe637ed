"""Rules of sections 8 and 9: fail open, Managed Instances, SnapStart."""

from __future__ import annotations

from tests.mutants.rules.removal import Removal  # noqa: TC001

REMOVALS: tuple[Removal, ...] = ()
