"""What pydantic finds wrong with a value that a user wrote, in this project's own words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Characters of a value that a sentence shows.
_SHOWN = 60
_NUMBER, _WHOLE, _TEXT, _BOOLEAN = "a number", "a whole number", "a text", "true or false"
_LIST, _MAPPING = "a list", "a mapping of keys to values"
#: Type of error -> what the value may be instead, with what pydantic says of its bounds. A type that is not here gets a
#: sentence without it. https://docs.pydantic.dev/latest/errors/validation_errors/
_TAKES: Mapping[str, str] = {
    **dict.fromkeys(("float_parsing", "float_type", "finite_number"), _NUMBER),
    **dict.fromkeys(("int_parsing", "int_type", "int_from_float", "int_parsing_size"), _WHOLE),
    **dict.fromkeys(("string_type", "string_unicode", "string_sub_type"), _TEXT),
    **dict.fromkeys(("bool_parsing", "bool_type"), _BOOLEAN),
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "iterable_type"), _LIST),
    **dict.fromkeys(("dict_type", "mapping_type", "model_type", "model_attributes_type", "dataclass_type"), _MAPPING),
    "greater_than": "more than {gt:,}",
    "greater_than_equal": "{ge:,} or more",
    "less_than": "less than {lt:,}",
    "less_than_equal": "{le:,} or less",
    "string_too_short": "a text of at least {min_length:,} characters",
    "string_too_long": "a text of at most {max_length:,} characters",
    "too_short": "at least {min_length:,}",
    "too_long": "at most {max_length:,}",
    "literal_error": "{expected}",
    "union_tag_invalid": "one with the {discriminator} {expected_tags}",
    "union_tag_not_found": "one with a {discriminator}",
}


def sentence(error: Mapping[str, Any], known: Sequence[str] = ()) -> str:
    """Return what is wrong, as a sentence, for one of `ValidationError.errors()`.

    `known` are the keys that the mapping with an unknown one may have. What a validator of ours says is the sentence.
    """
    kind, place = error["type"], error["loc"]
    if kind == "value_error":
        return str(error["ctx"]["error"])
    what = named(place)
    if kind == "extra_forbidden":
        return f"{what} is not known here" + (f"; known are {', '.join(known)}" if known else "")
    if kind == "missing":
        return f"{what} is missing" + (f" in {named(place[:-1])}" if len(place) > 1 else "")
    takes = _TAKES.get(kind)
    is_ = f"{what} is {shown(error.get('input'))}"
    if takes is None:
        return f"{is_}, which cannot be used"
    bounds = {name: int(one) if isinstance(one, float) else one for name, one in error.get("ctx", {}).items()}
    return f"{is_}; it takes {takes.format(**bounds)}"


def named(place: Sequence[str | int]) -> str:
    """Return the name of a value: its key, or its position in the list that a key has."""
    if not place:
        return "it"
    if isinstance(place[-1], str):
        return repr(place[-1])
    key = next((one for one in reversed(place) if isinstance(one, str)), None)
    return f"item {place[-1] + 1}" + (f" of {key!r}" if key else "")


def shown(value: object) -> str:
    """Return a value for a sentence, as YAML and JSON write it, cut if it is long."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    found = repr(value)
    return found if len(found) <= _SHOWN else f"{found[:_SHOWN]}…"
