"""A script in artillery's format, as far as it is known here. Pure.

Keys and their meaning are those of https://www.artillery.io/docs/reference/test-script. One that is not known here is
an error, because a test that leaves out half of its script measures something else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from adaptive_batching.load.core import document, rendering
from adaptive_batching.load.core.document import DocumentError
from adaptive_batching.values import invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The longest phase, pause, think and timeout, in seconds: a day.
_DAY = 86_400
#: Arrivals per second, above any that one machine can send.
_FASTEST = 100_000
#: Answers that take longer are counted as timeouts: API Gateway gives up after 29 seconds.
TIMEOUT = 30.0
_UNITS = {"": 1, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600}
_LENGTH = re.compile(rf"\s*(\d+(?:\.\d+)?)\s*({'|'.join(_UNITS)})\s*")
METHODS = ("get", "post", "put", "delete")


class ScriptError(ValueError):
    """A script cannot be carried out. The message is a sentence that names the file and the line."""


def _seconds(value: Any) -> Any:  # noqa: ANN401 - what YAML has
    """Return a length of time in seconds: 120, "120" or "2m"."""
    found = _LENGTH.fullmatch(value) if isinstance(value, str) else None
    return float(found[1]) * _UNITS[found[2]] if found else value


def _listed(value: Any) -> Any:  # noqa: ANN401 - as above
    return [value] if isinstance(value, dict) else value


def _header(value: Any) -> Any:  # noqa: ANN401 - as above
    if isinstance(value, dict | list) or value is None:
        raise ValueError(f"a header is {invalid.shown(value)}; it takes a text or a number")
    return value


_Time = Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=_DAY)]
_Rate = Annotated[float, Field(ge=0, le=_FASTEST)]
_Header = Annotated[str | int | float | bool, BeforeValidator(_header)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, allow_inf_nan=False)


class Phase(_Model):
    """Arrivals for a time: at a rate per second, which may change evenly to another, or a number of them; or none."""

    name: str = ""
    duration: _Time | None = None
    arrival_rate: _Rate | None = None
    ramp_to: _Rate | None = None
    arrival_count: Annotated[int, Field(ge=0, le=_FASTEST * 10)] | None = None
    pause: _Time | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Phase:
        kinds = [self.arrival_rate, self.arrival_count, self.pause]
        if sum(one is not None for one in kinds) != 1:
            raise ValueError("a phase has one of arrivalRate, arrivalCount and pause")
        if (self.pause is None) != (self.duration is not None):
            raise ValueError(
                "a phase with arrivals has a duration" if self.pause is None else "a pause has no duration besides"
            )
        if self.ramp_to is not None and self.arrival_rate is None:
            raise ValueError("rampTo goes with arrivalRate")
        return self

    @property
    def length(self) -> float:
        """Seconds."""
        return self.duration or self.pause or 0.0

    @property
    def highest(self) -> float:
        """Arrivals per second, where there are most."""
        return max(self.arrival_rate or 0, self.ramp_to or 0, (self.arrival_count or 0) / self.length)


class Payload(_Model):
    """A file of comma-separated values: a row for each arrival, whose cells have the names in `fields`."""

    path: Annotated[str, Field(min_length=1)]
    fields_: Annotated[tuple[str, ...], Field(min_length=1, alias="fields")]
    order: Literal["random", "sequence"] = "random"
    skip_header: bool = False
    cast: bool = True


class Request(_Model):
    """One request. `json` may be any value."""

    url: str = "/"
    headers: dict[str, _Header] = Field(default_factory=dict)
    json_: Any = Field(default=None, alias="json")
    body: str | None = None

    @model_validator(mode="after")
    def _one_body(self) -> Request:
        if self.has_json and self.body is not None:
            raise ValueError("a request has json or body")
        return self

    @property
    def has_json(self) -> bool:
        """Whether `json` is given; null is a value."""
        return "json_" in self.model_fields_set


class Step(_Model):
    """A request, or a time in which the user thinks."""

    get: Request | None = None
    post: Request | None = None
    put: Request | None = None
    delete: Request | None = None
    think: _Time | None = None

    @model_validator(mode="after")
    def _one(self) -> Step:
        if len(self.model_fields_set) != 1:
            raise ValueError(f"a step is one of {', '.join(METHODS)} and think")
        return self

    @property
    def request(self) -> tuple[str, Request] | None:
        """The method and the request, or None where the user thinks."""
        return next(((name, found) for name in METHODS if (found := getattr(self, name)) is not None), None)


class Scenario(_Model):
    """What one arrival does, step by step."""

    name: str = ""
    weight: Annotated[float, Field(ge=0, le=1e9)] = 1
    flow: Annotated[tuple[Step, ...], Field(min_length=1)]


class Condition(_Model):
    """An expression that must be true; if not `strict`, it is only told."""

    expression: str
    strict: bool = True


class Ensure(_Model):
    """What the figures must be, in the three forms that artillery has had."""

    min: float | None = None
    max: float | None = None
    median: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    max_error_rate: float | None = None  # percent
    thresholds: tuple[dict[str, float], ...] = ()
    conditions: tuple[Condition, ...] = ()


class Plugins(_Model):
    """artillery 2 wants its plugin named."""

    ensure: Ensure = Field(default_factory=Ensure)


class Http(_Model):
    """Settings of the client."""

    timeout: _Time = TIMEOUT


class Config(_Model):
    """Where to, how many, and with which values."""

    target: str | None = None
    phases: Annotated[tuple[Phase, ...], Field(min_length=1)]
    payload: Annotated[tuple[Payload, ...], BeforeValidator(_listed)] = ()
    variables: dict[str, Any] = Field(default_factory=dict)
    ensure: Ensure = Field(default_factory=Ensure)
    plugins: Plugins = Field(default_factory=Plugins)
    http: Http = Field(default_factory=Http)


class Script(_Model):
    """A whole script. `notes` are sentences for the user."""

    config: Config
    scenarios: Annotated[tuple[Scenario, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _some_weight(self) -> Script:
        if not any(one.weight for one in self.scenarios):
            raise ValueError("every scenario has the weight 0")
        return self


def read(text: str, name: str) -> tuple[Script, list[str]]:
    """Return the script in a text, and notes for the user. `name` is the file's. Raises ScriptError."""
    try:
        found = document.read(text)
    except DocumentError as error:
        raise ScriptError(f"{_where(name, error.line)}: {error}") from None
    try:
        script = Script.model_validate(found.value)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        causes = [one for one in errors if not any(_is_below(other["loc"], one["loc"]) for other in errors)]
        first = min(causes, key=lambda one: found.line(one["loc"]))
        line = found.line(first["loc"]) if first["loc"] else None
        why = invalid.sentence(first, _known(first["loc"][:-1]))
        raise ScriptError(f"{_where(name, line)}: {why}") from None
    known = {field for one in script.config.payload for field in one.fields_} | set(script.config.variables)
    notes = []
    for line, one in found.texts(["scenarios"]):
        for expression in rendering.expressions(one):
            if not rendering.is_name(expression):
                raise ScriptError(
                    f"{_where(name, line)}: {{{{ {expression} }}}} is not known here; names of fields and variables are"
                )
            if expression not in known:
                notes.append(
                    f"{_where(name, line)}: {{{{ {expression} }}}} is no field and no variable; "
                    "it is left out, as artillery leaves it out"
                )
    return script, list(dict.fromkeys(notes))


def _is_below(place: Sequence[str | int], other: Sequence[str | int]) -> bool:
    return len(place) > len(other) and place[: len(other)] == other


def _where(name: str, line: int | None) -> str:
    return f"{name}, line {line}" if line else name


def _known(place: Sequence[str | int]) -> list[str]:
    """Return the keys that a model at a place has."""
    model: Any = Script
    for part in place:
        if isinstance(part, int):
            continue
        fields = {info.alias or name: info.annotation for name, info in model.model_fields.items()}
        model = _model_in(fields.get(part))
        if model is None:
            return []
    return [info.alias or name for name, info in model.model_fields.items()]


def _model_in(annotation: Any) -> Any:  # noqa: ANN401 - a type
    """Return the model in `Model`, `Model | None` or `tuple[Model, …]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in getattr(annotation, "__args__", ()) if (found := _model_in(one))), None)
