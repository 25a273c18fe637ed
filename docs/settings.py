# ruff: noqa: INP001, T201 - a script: it stands alone, and prints what it finds
"""Writes what follows from the one table of settings: the README's table and adaptive_batching/settings.schema.json.

    python docs/settings.py          write both
    python docs/settings.py --check  say whether they are up to date (exit code 1 if not)

The JSON Schema describes the environment variables of a function, for editors and for checks before a deployment.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, create_model

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from extension.settings import TABLE, Setting  # noqa: E402 - the script runs from anywhere

BEGIN, END = "<!-- settings: written by docs/settings.py -->\n", "<!-- end of settings -->"
PATTERNS = {
    "number": r"^\s*\+?0*[1-9][0-9]*\s*$",
    "bucket": r"^(arn:.*|[A-Za-z0-9._-]{3,255})$",
    "owner": r"^\s*([0-9]{12})?\s*$",
}
TOOLS = (
    "| `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, `AWS_CA_BUNDLE`, `HTTPS_PROXY`, `NO_PROXY`, credentials | "
    "| as in every AWS tool; path style when an endpoint is given, "
    "or as `AWS_CONFIG_FILE` says (`addressing_style`) |\n"
)


def table() -> str:
    """Return the README's table, in Markdown."""
    rows = "".join(f"| `{row.name}` | {_default(row)} | {row.help} |\n" for row in TABLE)
    return f"| variable | default | meaning |\n|---|---|---|\n{rows}{TOOLS}"


def _default(row: Setting) -> str:
    if row.default:
        return f"`{row.default}`"
    return {"bucket": "required", "region": "`AWS_REGION`", "number": "", "owner": ""}[row.kind]


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the variables: each is a string, as everything in an environment is."""
    fields: dict[str, Any] = {row.name: (_type(row), _field(row)) for row in TABLE}
    model = create_model("Environment", __config__=ConfigDict(extra="allow"), **fields)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}


def _type(row: Setting) -> object:
    if row.kind == "choice":
        return Literal[row.choices]
    pattern = PATTERNS.get(row.kind)
    return Annotated[str, Field(pattern=pattern)] if pattern else str


def _field(row: Setting) -> object:
    bounds = f" ({row.minimum} to {row.maximum})" if row.kind == "number" else ""
    if row.kind == "bucket":
        return Field(description=row.help)
    return Field(default=row.default, description=row.help + bounds)


def main() -> int:
    """Write, or with --check compare."""
    readme, target = ROOT / "README.md", ROOT / "adaptive_batching" / "settings.schema.json"
    text = readme.read_text()
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    wanted = {readme: f"{head}{BEGIN}{table()}{END}{tail}", target: json.dumps(schema(), indent=2) + "\n"}
    if "--check" not in sys.argv:
        for path, content in wanted.items():
            path.write_text(content)
        return 0
    old = [path for path, content in wanted.items() if not path.exists() or path.read_text() != content]
    for path in old:
        print(f"{path.relative_to(ROOT)} is not what docs/settings.py writes", file=sys.stderr)
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main())
