"""The table of docs/settings.md and adaptive_batching/settings.schema.json, from the extension's table of settings.

The JSON Schema describes the environment variables of a function, for editors and for checks before a deployment.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field, create_model

from extension.kinds import LEVELS, LOG_TYPES, PLACEHOLDERS, REDACTIONS
from extension.settings import TABLE, Setting
from tools.page import DOCS, ROOT, filled

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def _any_case(names: Iterable[str]) -> str:
    return "|".join("".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in name) for name in names)


_REDACTIONS, _TYPES = _any_case(REDACTIONS), "|".join(LOG_TYPES)
#: Kind of a setting -> what its values look like. The tools read values by these, so they say all that a pattern can.
PATTERNS = {
    "number": r"^\s*\+?0*[1-9][0-9]*\s*$",
    "bucket": r"^\s*(arn:.*|[A-Za-z0-9._-]{3,255})\s*$",
    "owner": r"^\s*([0-9]{12})?\s*$",
    "tags": r"^\s*([^&=]+=[^&]*(&[^&=]+=[^&]*){0,9})?\s*$",
    "level": rf"^\s*({_any_case(LEVELS)})?\s*$",
    "redactions": rf"^\s*(({_REDACTIONS})(\s*,\s*({_REDACTIONS}))*)?\s*$",
    "types": rf'^\s*\[\s*"({_TYPES})"\s*(,\s*"({_TYPES})"\s*)*\]\s*$',
    "prefix": rf"^([^{{}}\x00-\x1f\x7f]|\{{({'|'.join(PLACEHOLDERS)})\}})*$",
    "region": r"^\s*((?!\d*\s*$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)?\s*$",
}
TOOLS = (
    "| `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, `AWS_CA_BUNDLE`, `REQUESTS_CA_BUNDLE`, `HTTPS_PROXY`, `NO_PROXY`, "
    "credentials | | as in every AWS tool; `AWS_CONFIG_FILE` may name the addressing style too |\n"
)


def pages() -> dict[Path, str]:
    """Return what the page and the schema have to contain."""
    page = DOCS / "settings.md"
    return {
        page: filled(page.read_text(encoding="utf-8"), settings=table()),
        ROOT / "adaptive_batching" / "settings.schema.json": json.dumps(schema(), indent=2) + "\n",
    }


def table() -> str:
    """Return the table in Markdown."""
    rows = "".join(f"| `{row.name}` | {_default(row)} | {row.help} |\n" for row in TABLE)
    return f"| variable | default | meaning |\n|---|---|---|\n{rows}{TOOLS}"


def _default(row: Setting) -> str:
    if row.default:
        return f"`{row.default}`"
    return {"bucket": "required", "region": "`AWS_REGION`"}.get(row.kind, "")


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the variables: each is a string, as everything in an environment is."""
    fields: dict[str, Any] = {row.name: (_type(row), _field(row)) for row in TABLE}
    # Look-ahead is in the patterns of JSON Schema, but not in those of pydantic's own engine.
    model = create_model("Environment", __config__=ConfigDict(extra="allow", regex_engine="python-re"), **fields)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}


def _type(row: Setting) -> object:
    if row.kind == "choice":
        return Literal[row.choices if row.default else ("", *row.choices)]
    pattern = PATTERNS.get(row.kind)
    return Annotated[str, Field(pattern=pattern)] if pattern else str


def _field(row: Setting) -> object:
    about: dict[str, Any] = {"kind": row.kind}
    bounds = ""
    if row.kind == "number":
        about |= {"minimum": row.minimum, "maximum": row.maximum}
        bounds = f" ({row.minimum} to {row.maximum})"
    if row.kind == "bucket":
        return Field(description=row.help, json_schema_extra=about)
    return Field(default=row.default, description=row.help + bounds, json_schema_extra=about)
