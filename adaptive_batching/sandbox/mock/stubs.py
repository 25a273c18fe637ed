"""WireMock's mappings, as far as they are known here: which answer a request gets, and when. Pure.

The format: https://wiremock.org/docs/stubbing/ and https://wiremock.org/docs/simulating-faults/. A key that is not
known here is an error: a mapping without half of its conditions would answer other requests.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from adaptive_batching.values import invalid
from adaptive_batching.values.json_text import no_json
from adaptive_batching.wording import written

if TYPE_CHECKING:
    from random import Random

#: The longest delay, in milliseconds: a day.
_LONGEST = 86_400_000
#: WireMock's, of a mapping that has none. A lower one comes first.
_PRIORITY = 5
_URLS = ("url", "urlPath", "urlPattern", "urlPathPattern")
_ANY = "ANY"
_METHODS = (_ANY, "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: Headers of an answer that follow from its body.
_COMPUTED = {"content-length", "transfer-encoding", "connection"}

_Delay = Annotated[float, Field(ge=0, le=_LONGEST)]


class StubError(ValueError):
    """A mapping cannot be used. The message is a sentence."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class RequestPattern(_Model):
    """Which requests a mapping answers. Patterns are regular expressions for the whole text."""

    method: str = _ANY
    url: str | None = None
    urlPath: str | None = None  # noqa: N815 - WireMock's names
    urlPattern: str | None = None  # noqa: N815
    urlPathPattern: str | None = None  # noqa: N815

    @field_validator("method")
    @classmethod
    def _is_served(cls, method: str) -> str:
        if method.upper() not in _METHODS:
            raise ValueError(f"the method {invalid.shown(method)} is not served; {', '.join(_METHODS)} are")
        return method

    @field_validator("url", "urlPath")
    @classmethod
    def _can_match(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith("/"):
            raise ValueError(f"{invalid.shown(url)} matches no request: a path begins with /")
        return url

    @field_validator("urlPattern", "urlPathPattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"{invalid.shown(pattern)} is not a regular expression: {error}") from None
        return pattern

    @model_validator(mode="after")
    def _one_url(self) -> RequestPattern:
        if sum(getattr(self, name) is not None for name in _URLS) > 1:
            raise ValueError(f"a request has one of {', '.join(_URLS)}")
        return self

    def matches(self, method: str, url: str) -> bool:
        """Return whether a request is one of these. `url` is its path with its query."""
        if self.method.upper() not in (_ANY, method):
            return False
        path = url.partition("?")[0]
        if self.urlPattern is not None:
            return re.fullmatch(self.urlPattern, url) is not None
        if self.urlPathPattern is not None:
            return re.fullmatch(self.urlPathPattern, path) is not None
        return self.url in (None, url) and self.urlPath in (None, path)


class Lognormal(_Model):
    """A delay with a long tail."""

    type: Literal["lognormal"]
    median: Annotated[float, Field(gt=0, le=_LONGEST)]
    sigma: Annotated[float, Field(ge=0, le=10)]

    def drawn(self, random: Random) -> float:
        """Return a delay in milliseconds."""
        return self.median * math.exp(self.sigma * random.gauss(0, 1))


class Uniform(_Model):
    """A delay between two bounds."""

    type: Literal["uniform"]
    lower: _Delay
    upper: _Delay

    @model_validator(mode="after")
    def _in_order(self) -> Uniform:
        if self.lower > self.upper:
            raise ValueError(f"lower is {written(self.lower)}, above upper, {written(self.upper)}")
        return self

    def drawn(self, random: Random) -> float:
        """Return a delay in milliseconds."""
        return random.uniform(self.lower, self.upper)


class ResponseDefinition(_Model):
    """An answer. The delays add up."""

    status: int = 200
    body: str | None = None
    jsonBody: Any = None  # noqa: N815
    headers: dict[str, str | list[str]] = Field(default_factory=dict)
    fixedDelayMilliseconds: _Delay = 0  # noqa: N815
    delayDistribution: Annotated[Lognormal | Uniform, Field(discriminator="type")] | None = None  # noqa: N815

    @field_validator("status")
    @classmethod
    def _is_a_status(cls, status: int) -> int:
        if status not in {one.value for one in HTTPStatus} or status < HTTPStatus.OK:
            raise ValueError(f"{invalid.shown(status)} is not a status of HTTP")
        return status

    @field_validator("headers", mode="before")
    @classmethod
    def _can_be_sent(cls, headers: Any) -> Any:  # noqa: ANN401 - JSON
        for name, value in headers.items() if isinstance(headers, dict) else ():
            values = value if isinstance(value, list) else [value]
            if not all(isinstance(one, str) for one in values):
                raise ValueError(
                    f"the header {invalid.shown(name)} is {invalid.shown(value)}; it takes a text or a list of texts"
                )
            text = "".join(values)
            if not _TOKEN.fullmatch(name) or not all(" " <= one <= "\xff" or one == "\t" for one in text):
                raise ValueError(f"the header {invalid.shown(name)} cannot be sent")
        return headers

    @model_validator(mode="after")
    def _one_body(self) -> ResponseDefinition:
        if self.body is not None and "jsonBody" in self.model_fields_set:
            raise ValueError("a response has body or jsonBody")
        return self

    @property
    def content(self) -> bytes:
        """The body of the answer."""
        if "jsonBody" in self.model_fields_set:
            return json.dumps(self.jsonBody, ensure_ascii=False).encode("utf-8", "surrogatepass")
        return (self.body or "").encode("utf-8", "surrogatepass")

    @property
    def sent_headers(self) -> tuple[tuple[str, str], ...]:
        """The headers of the answer, a pair for each value, without those that follow from its body."""
        return tuple(
            (name, one)
            for name, value in self.headers.items()
            if name.lower() not in _COMPUTED
            for one in ([value] if isinstance(value, str) else value)
        )

    def delay(self, random: Random) -> float:
        """Return the seconds until the answer."""
        drawn = self.delayDistribution.drawn(random) if self.delayDistribution else 0
        return min(self.fixedDelayMilliseconds + drawn, _LONGEST) / 1000


class Mapping(_Model):
    """A request and its answer. `id`, `uuid`, `name`, `metadata` and `persistent` decide nothing."""

    id: str | None = None
    uuid: str | None = None
    name: str | None = None
    metadata: dict[str, Any] | None = None
    persistent: bool = False
    priority: Annotated[int, Field(ge=1)] = _PRIORITY
    request: RequestPattern = Field(default_factory=RequestPattern)
    response: ResponseDefinition = Field(default_factory=ResponseDefinition)

    @model_validator(mode="after")
    def _says_something(self) -> Mapping:
        if not self.model_fields_set & {"request", "response"}:
            raise ValueError("a mapping has a request, a response or both, and this one has neither")
        return self


@dataclass(frozen=True)
class Stub:
    """A mapping under the id by which it can be deleted."""

    id: str
    mapping: Mapping

    def as_json(self) -> dict[str, Any]:
        """Return it as WireMock lists it."""
        return self.mapping.model_dump(mode="json", exclude_unset=True) | {"id": self.id, "uuid": self.id}


def read(text: str | bytes) -> list[Mapping]:
    """Return the mappings in a text: one, or a list of them under `mappings`. Raises StubError."""
    try:
        value = json.loads(text, parse_constant=no_json)
    except (ValueError, RecursionError) as error:
        raise StubError(f"it is not JSON: {error}") from None
    several = isinstance(value, dict) and "mappings" in value
    if several and not isinstance(value["mappings"], list):
        raise StubError("'mappings' is not a list")
    try:
        return [Mapping.model_validate(one) for one in (value["mappings"] if several else [value])]
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        place = tuple(one for one in found["loc"] if one not in ("lognormal", "uniform"))  # the kinds of a delay
        dotted = (".".join(map(str, place)),) if place else ("mapping",)
        raise StubError(invalid.sentence({**found, "loc": dotted})) from None


def chosen(stubs: list[Stub], method: str, url: str) -> Stub | None:
    """Return the one that answers: by priority, and of these the one that was added last."""
    matching = [stub for stub in reversed(stubs) if stub.mapping.request.matches(method, url)]
    return min(matching, key=lambda stub: stub.mapping.priority, default=None)
