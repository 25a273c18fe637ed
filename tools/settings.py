"""The table of docs/settings.md and adaptive_batching/settings.schema.json, from the extension's table of settings.

The JSON Schema describes the environment variables of a function, for editors and for checks before a deployment.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field, create_model

from extension.kinds import LEVELS, REDACTIONS
from extension.settings import TABLE, Setting
from tools.page import DOCS, ROOT, filled

if TYPE_CHECKING:
    from pathlib import Path

PATTERNS = {
    "number": r"^\s*\+?0*[1-9][0-9]*\s*$",
    "bucket": r"^(arn:.*|[A-Za-z0-9._-]{3,255})$",
    "owner": r"^\s*([0-9]{12})?\s*$",
    "tags": r"^\s*([^&=]+=[^&]*(&[^&=]+=[^&]*){0,9})?\s*$",
    "level": rf"^\s*({'|'.join([*LEVELS, *map(str.upper, LEVELS)])})?\s*$",
    "redactions": rf"^\s*(({'|'.join(REDACTIONS)})(\s*,\s*({'|'.join(REDACTIONS)}))*)?\s*$",
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
    model = create_model("Environment", __config__=ConfigDict(extra="allow"), **fields)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}


def _type(row: Setting) -> object:
    if row.kind == "choice":
        return Literal[row.choices if row.default else ("", *row.choices)]
    pattern = PATTERNS.get(row.kind)
    return Annotated[str, Field(pattern=pattern)] if pattern else str


def _field(row: Setting) -> object:
    bounds = f" ({row.minimum} to {row.maximum})" if row.kind == "number" else ""
    if row.kind == "bucket":
        return Field(description=row.help)
    return Field(default=row.default, description=row.help + bounds)
