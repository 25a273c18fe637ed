"""What a check needs to know before it judges anything. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_batching.operate import variables
from adaptive_batching.operate.doctor.finding import CANNOT_SAY, Finding, cannot_say
from adaptive_batching.settings import variable

if TYPE_CHECKING:
    from adaptive_batching.operate.doctor.facts import Facts

NONE_SET = Finding(CANNOT_SAY, "no bucket is set", "see settings")


def lacking(facts: Facts, *endings: str, bucket: bool = True) -> Finding | None:
    """Return why nothing can be said: a setting that the check goes by has an unknown value, or no bucket is set.

    None if all is known. `endings`: of the names of settings, beside that of the bucket (`bucket`) and the endpoints.
    """
    function = facts.function
    names = [*map(variable, (*(["S3_BUCKET"] if bucket else []), *endings)), *variables.ENDPOINTS]
    unresolved = next((function.unresolved[name] for name in names if name in function.unresolved), None)
    if unresolved is not None:
        return cannot_say(unresolved)
    return NONE_SET if bucket and not function.variables["S3_BUCKET"] else None
