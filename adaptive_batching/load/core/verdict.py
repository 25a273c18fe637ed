"""What a smoke test says. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from adaptive_batching.values.json_text import no_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adaptive_batching.logs.trace.waterfall import Trace

#: Characters of an answer that are shown.
_SHOWN = 200


def is_expected(code: int, expected: int | None) -> bool:
    """Return whether a code is the one that is expected; without one, whether it says success."""
    return code == expected if expected is not None else 200 <= code < 300  # noqa: PLR2004 - HTTP's


def unexpected(code: int, expected: int | None, body: bytes) -> str:
    """Return the sentence for another code."""
    said = " ".join(body.decode("utf-8", "replace").split())
    said = f": {said[:_SHOWN]}{'…' if len(said) > _SHOWN else ''}" if said else ", without a body"
    return f"the answer is {code}, not {expected or 'one of 200 to 299'}{said}"


def not_reached(milestone: str, waited: float, trace: Trace | None, ids: Sequence[str]) -> str:
    """Return the sentence for a milestone that was not reached: how far the trace came, and its last exception."""
    head = f"{milestone} was not reached within {waited:g} s"
    if trace is None:
        return f"{head}: no line of trace {ids[0]} is there yet"
    errors = [line for line in trace.lines if line.error]
    last = f"the last milestone is {trace.milestones[-1]}" if trace.milestones else "no milestone was passed"
    if not errors:
        return f"{head}; {last}, and no line has an exception"
    error = (errors[-1].error or "").partition("\n")[0]
    return f"{head}; {last}; {errors[-1].function}: {error}"


def webhook(text: str) -> tuple[str, str]:
    """Return the URL and the text in `URL[=TEXT]`."""
    url, _, wanted = text.partition("=")
    return url, wanted


def saw(journal: Any, path: str, wanted: str, since: float) -> bool | None:  # noqa: ANN401 - JSON
    """Return whether a mock received a request for a path since a moment (ms since 1970), with a text in its body.

    `journal` is what it answers to `GET /__admin/requests`. None: it is no journal of WireMock's format.
    """
    if not (isinstance(journal, dict) and isinstance(journal.get("requests"), list)):
        return None
    entries = [one.get("request") for one in journal["requests"] if isinstance(one, dict)]
    return any(
        str(one.get("url", "")).partition("?")[0] == path
        and wanted in str(one.get("body", ""))
        and (not isinstance(logged := one.get("loggedDate"), (int, float)) or logged >= since)
        for one in entries
        if isinstance(one, dict)
    )


def as_json(given: str) -> bytes:
    """Return a text that is JSON as the body of a request. Raises ValueError."""
    value: Mapping[str, Any] | Any = json.loads(given, parse_constant=no_json)
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
