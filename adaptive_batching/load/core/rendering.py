"""`{{ name }}` in the texts of a script. Pure.

As artillery does it: a text that is nothing but one name becomes the value, whatever its type; what has no value is
left out of a JSON object.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_EXPRESSION = re.compile(r"\{\{\{?\s*(.*?)\s*\}?\}\}")
_NAME = re.compile(r"[A-Za-z_][\w-]*")


class _Missing:
    """Stands for a value that is not there."""


MISSING = _Missing()


def expressions(text: str) -> list[str]:
    """Return what stands between the braces."""
    return _EXPRESSION.findall(text)


def is_name(expression: str) -> bool:
    """Return whether an expression is a name."""
    return _NAME.fullmatch(expression) is not None


def value(template: Any, variables: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any value of JSON
    """Return a value with the names in its texts replaced. Members and items without a value are left out."""
    if isinstance(template, str):
        whole = _EXPRESSION.fullmatch(template)
        if whole and len(expressions(template)) == 1:
            return variables.get(whole[1], MISSING)
        return text(template, variables)
    if isinstance(template, dict):
        made = {text(str(name), variables): value(one, variables) for name, one in template.items()}
        return {name: one for name, one in made.items() if one is not MISSING}
    if isinstance(template, list):
        return [one for item in template if (one := value(item, variables)) is not MISSING]
    return template


def text(template: str, variables: Mapping[str, Any]) -> str:
    """Return a text with the names in it replaced."""

    def replaced(found: re.Match[str]) -> str:
        one = variables.get(found[1], "")
        return one if isinstance(one, str) else json.dumps(one, ensure_ascii=False)

    return _EXPRESSION.sub(replaced, template)
