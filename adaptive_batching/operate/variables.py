"""A function's variables, read as the extension reads them: what counts, and one sentence for each that cannot. Pure.

It goes by `settings.schema.json`. A test holds it to the extension's own reading: the same variables are refused, and
the same values are used instead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from adaptive_batching import settings
from adaptive_batching.operate import names, nearest, patterns

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Beginning of every name that belongs to this project: one that is no setting is a typing error.
FAMILY = "ADAPTIVE_BATCHING_"
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
#: Kind of a setting -> what the extension does where its value is bad.
_INSTEAD = {
    "bucket": "nothing is shipped",
    "region": "the function's own region is used",
    "owner": "the bucket's owner is not checked",
    "key": "the bucket's default encryption is used",
    "tags": "objects get no tags",
    "level": "records of every level are shipped",
    "redactions": "all of them are redacted",
}
_INSTEAD_OF_PATTERN = {
    "EXCLUDE": "nothing is excluded",
    "INCLUDE": "everything is included",
    "REDACT_PATTERN": "what only this pattern finds is shipped",
}
_LONGEST_SHOWN = 80
_LONGEST_NAME = 128  # letters of an unknown name that are shown
_MOST_OF_A_KEY, _MOST_OF_A_PREFIX = 1024, 700  # bytes
_TAIL = len("-1795608000000-01234567-89ab-4cde-8f01-23456789abcd.log.gz")
_PORT_OF_LAMBDA = 9001
_OBJECT_BYTES = 1_048_576  # at which MODE=adaptive ships
_OLD_REGION = "us-east-1"


@dataclass(frozen=True)
class Problem:
    """A variable that the extension does not use as it stands.

    `read` says what stands there and what is wrong, `then` what the extension does or what was meant: clauses, of which
    `text` makes the sentence that the extension writes. `why` is what is wrong alone. `mend`: what to do, "" if only
    the value can be corrected.
    """

    name: str
    read: str
    then: str
    why: str
    mend: str = ""

    @property
    def text(self) -> str:
        """The sentence. It begins with the name."""
        return f"{self.read}; {self.then}"

    def __str__(self) -> str:
        """Return the sentence."""
        return self.text


@dataclass(frozen=True)
class Variables:
    """What the extension uses: `values` by the ending of the name, as in `values["S3_BUCKET"]`; "" is not set."""

    values: Mapping[str, str]
    problems: tuple[Problem, ...] = ()
    endpoint: str = ""

    def __getitem__(self, ending: str) -> str:
        """Return the value that is used."""
        return self.values[ending]

    @property
    def wants_tags(self) -> bool:
        """Whether objects get tags, which takes an action of its own."""
        return bool(self["TAGS"])


@dataclass
class _Reading:
    """One reading: the variables, and what was found so far."""

    given: Mapping[str, str]
    function: str
    region: str
    values: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def say(self, name: str, why: str, instead: str) -> None:
        shown = self.given[name]
        shown = shown if len(shown) <= _LONGEST_SHOWN else f"{shown[: _LONGEST_SHOWN - 3]}..."
        self.problems.append(Problem(name, f"{name} is {shown!r}: {why}", instead, why))

    def take(self, name: str) -> None:
        """Read one setting by itself."""
        about = settings.schema()["properties"][name]
        text, ending = self.given.get(name), name.removeprefix(settings.PREFIX)
        self.values[ending] = str(about.get("default", ""))
        if text is not None and (text or about["kind"] == "prefix"):
            self.values[ending] = _KINDS.get(about["kind"], _plain)(self, name, about, text)


def read(given: Mapping[str, str], function: str, region: str = "") -> Variables:
    """Return what the extension makes of a function's variables. `region` is the function's."""
    reading = _Reading(given, function, region)
    for name in settings.schema()["properties"]:
        reading.take(name)
    _whole(reading)
    unknown = [name for name in given if is_ours(name) and name not in settings.schema()["properties"]]
    reading.problems += [_unknown(name) for name in unknown]
    endpoint = next((given[name] for name in ENDPOINTS if given.get(name, "").strip()), "")
    return Variables(reading.values, tuple(reading.problems), endpoint)


def is_ours(name: str) -> bool:
    """Return whether a variable belongs to this project by its name, in which case should not count."""
    return name.upper().startswith(FAMILY)


def refusal(name: str, text: str) -> str:
    """Return why the extension would not use a setting as it stands, whatever the function and its other variables.

    "" if it would. `name` is the full name of one that exists.
    """
    reading = _Reading({name: text}, "", "")
    reading.values["S3_REGION"] = ""  # a key is held to it
    reading.take(name)
    return next((one.why for one in reading.problems), "")


def _whole(reading: _Reading) -> None:
    """Settle what depends on several variables."""
    values, given = reading.values, reading.given
    bucket, key, sse = settings.bucket_variable(), settings.variable("KMS_KEY_ID"), settings.variable("SSE")
    if not given.get(bucket, "").strip():
        mend = "set it to the name of a bucket that exists"
        reading.problems.append(Problem(bucket, f"{bucket} is not set: nothing is shipped", mend, "it is empty", mend))
    if values["KMS_KEY_ID"]:
        if values["SSE"] == "AES256":
            reading.say(sse, f"{key} names a key, which is for aws:kms", "aws:kms with this key is used")
        values["SSE"] = "aws:kms"
    elif given.get(key, "").strip():
        values["SSE"] = ""
    if values["MODE"] == "adaptive":
        for ending in ("SHIP_RATE_BYTES", "SHIP_RATE_INVOKES", "SHIP_RATE_MILLISECONDS"):
            if not given.get(settings.variable(ending)):
                values[ending] = str(settings.schema()["properties"][settings.variable(ending)]["maximum"])
        values["SHIP_RATE_BYTES"] = str(min(int(values["SHIP_RATE_BYTES"]), _OBJECT_BYTES))
    elif given.get(delay := settings.variable("MAX_DELAY_MILLISECONDS")):
        reading.problems[:] = [one for one in reading.problems if one.name != delay]
        reading.say(delay, f"it is for {settings.variable('MODE')}=adaptive", "it does nothing")


def _fits(about: Mapping[str, Any], text: str) -> bool:
    return "pattern" not in about or re.fullmatch(about["pattern"], text) is not None


def _plain(reading: _Reading, name: str, about: Mapping[str, Any], text: str) -> str:
    """Read a value that its pattern decides: a region, an owner, a level."""
    if _fits(about, text):
        return text.strip().lower()
    reading.say(name, f"expected {about['description']}", _INSTEAD[about["kind"]])
    return str(about["default"])


def _choice(reading: _Reading, name: str, about: Mapping[str, Any], text: str) -> str:
    known = {one.lower(): str(one) for one in about["enum"]}
    if (found := known.get(text.strip().lower())) is not None:
        return found
    words = " or ".join(one for one in about["enum"] if one)
    default = str(about["default"])
    reading.say(name, f"expected {words}", f"{default} is used" if default else "it counts as not set")
    return default


def _number(reading: _Reading, name: str, about: Mapping[str, Any], text: str) -> str:
    default, low, high = str(about["default"]), about["minimum"], about["maximum"]
    if not text.strip() and not default:
        return default
    is_port, used, why = name.endswith("_PORT"), default, f"it must be {low} to {high}"
    if _fits(about, text) and text.isascii():
        number = int(text.strip().lstrip("+0")[:19])
        if is_port and number == _PORT_OF_LAMBDA:
            why = f"{number} is Lambda's own port"
        elif low <= number <= high:
            return str(number)
        elif number > high and not is_port:
            used = str(high)
    reading.say(name, why, f"{used or 'the default'} is used")
    return used


def _types(reading: _Reading, name: str, about: Mapping[str, Any], text: str) -> str:
    words = [one for one in settings.TYPES if f'"{one}"' in [item.strip() for item in text.strip()[1:-1].split(",")]]
    is_array = text.strip()[:1] == "[" and text.strip()[-1:] == "]"
    used = "[" + ",".join(f'"{one}"' for one in words) + "]" if is_array and words else str(about["default"])
    if not _fits(about, text):
        reading.say(name, f"expected {about['description'].partition(';')[0]}", f"{used} is used")
    return used


def _redactions(reading: _Reading, name: str, about: Mapping[str, Any], text: str) -> str:
    if _fits(about, text):
        return text.strip().lower()
    if not text.strip():
        return ""
    reading.say(name, f"expected {about['description']}", _INSTEAD["redactions"])
    return "all"


def _pattern(reading: _Reading, name: str, about: Mapping[str, Any], text: str) -> str:
    if why := patterns.refusal(text):
        reading.say(name, why, _INSTEAD_OF_PATTERN[name.removeprefix(settings.PREFIX)])
        return str(about["default"])
    return text


def _prefix(reading: _Reading, name: str, about: Mapping[str, Any], text: str) -> str:
    longest = filled(
        text,
        {
            "function": reading.function,
            "version": "",
            "region": reading.region or "r" * 25,
            "account": "1" * 12,
            "date": "2026-11-20",
            "year": "2026",
            **dict.fromkeys(("month", "day", "hour"), "09"),
        },
    )
    size = len((longest + reading.function).encode(errors="replace")) + _TAIL
    if not _fits(about, text) or any("\ud800" <= c <= "\udfff" for c in text):
        why = "the placeholders are those of the settings' table, and an S3 key has no control characters"
    elif len(text.encode()) > _MOST_OF_A_PREFIX or size > _MOST_OF_A_KEY:
        why = f"with it keys are too long: S3 takes {_MOST_OF_A_KEY} bytes"
    else:
        return text
    reading.say(name, why, f"{about['default']} is used")
    return str(about["default"])


def _bucket(reading: _Reading, name: str, _about: Mapping[str, Any], text: str) -> str:
    there = (reading.given.get(settings.variable("S3_REGION")) or reading.region).strip()
    old = there == _OLD_REGION or any(reading.given.get(one) for one in ENDPOINTS)
    text = text.strip()
    if not text or names.is_access_point(text) or names.is_bucket(text, old=old):
        return text
    if text.startswith("arn:") and text.split(":")[2:5] == ["s3", "", ""]:
        last = text.split(":", 5)[-1]
        if names.is_bucket(last, old=old):
            reading.say(name, "that is the ARN of a bucket, whose name is asked for", f"{last} is used")
            return last
    reading.say(name, "that is not the name of a bucket", _INSTEAD["bucket"])
    return ""


def _key(reading: _Reading, name: str, _about: Mapping[str, Any], text: str) -> str:
    text = text.strip()
    anywhere = reading.given.get(settings.bucket_variable(), "").strip().startswith("arn:")
    region = "" if anywhere else (reading.values["S3_REGION"] or reading.region).lower()
    foreign = any(reading.given.get(one) for one in ENDPOINTS)
    why = (names.wrong_foreign_key(text) if foreign else names.wrong_key(text, region)) if text else ""
    if why:
        reading.say(name, why, _INSTEAD["key"])
    return "" if why else text


def _tags(reading: _Reading, name: str, _about: Mapping[str, Any], text: str) -> str:
    if why := names.wrong_tags(text.strip()):
        reading.say(name, why, _INSTEAD["tags"])
        return ""
    return text.strip()


_KINDS = {
    "choice": _choice,
    "number": _number,
    "types": _types,
    "redactions": _redactions,
    "pattern": _pattern,
    "prefix": _prefix,
    "bucket": _bucket,
    "key": _key,
    "tags": _tags,
}


def filled(template: str, values: Mapping[str, str]) -> str:
    """Return a template of keys with its placeholders filled in."""
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), template)


def _unknown(name: str) -> Problem:
    shown = name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."
    mend = f"did you mean {nearest.nearest(name, settings.schema()['properties'])}?"
    return Problem(name, f"{shown} is not a setting of this extension and does nothing", mend, "unknown", mend)
