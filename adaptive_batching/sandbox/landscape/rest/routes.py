"""Which route of a REST API a request takes. Pure.

Source: "Set up API resources" in the API Gateway developer guide: a segment `{name}` takes one segment of the path,
`{name+}` at the end takes the rest. A segment that is written out goes before `{name}`, and that before `{name+}`. A
slash at the end of a path is ignored. Values are handed on as they came, still URL-encoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: The method of a route that takes every one.
ANY = "ANY"


@dataclass(frozen=True)
class Route:
    """A method and a path of a REST API, and the name of the function that answers. `stage` is that of the API.

    `binary` are the media types whose bodies the API treats as binary.
    """

    method: str
    path: str
    function: str
    stage: str = "Prod"
    binary: tuple[str, ...] = ()


def find(routes: Iterable[Route], method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
    """Return the route of a request and the values of its path parameters, None if there is none."""
    parts = _parts(path)
    found = []
    for route in routes:
        if route.method in (method, ANY) and (matched := _match(_parts(route.path), parts)) is not None:
            rank, values = matched
            found.append(((rank, route.method == ANY), route, values))
    if not found:
        return None
    _, route, values = min(found, key=lambda one: one[0])
    return route, values


def _parts(path: str) -> list[str]:
    return path.rstrip("/").split("/")[1:]


def _match(pattern: list[str], parts: list[str]) -> tuple[tuple[int, ...], dict[str, str]] | None:
    """Return how specific each segment is, the most specific being the smallest, and the values of parameters."""
    rank: list[int] = []
    values: dict[str, str] = {}
    for place, segment in enumerate(pattern):
        if segment.startswith("{") and segment.endswith("+}"):
            if len(parts) <= place:
                return None
            return (*rank, 2), {**values, segment[1:-2]: "/".join(parts[place:])}
        if len(parts) <= place:
            return None
        if segment.startswith("{") and segment.endswith("}"):
            if not parts[place]:
                return None
            values[segment[1:-1]] = parts[place]
            rank.append(1)
        elif segment == parts[place]:
            rank.append(0)
        else:
            return None
    return (tuple(rank), values) if len(parts) == len(pattern) else None
