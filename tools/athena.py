"""Athena's tables and queries, where they stand in the documents and in template.yaml."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from adaptive_batching.logs.athena.queries import Query, queries
from adaptive_batching.logs.athena.tables import Table, ddl, tables
from adaptive_batching.logs.sources.keys import DEFAULT
from tools.page import DOCS, between, filled

if TYPE_CHECKING:
    from pathlib import Path

BEGIN, END = "  # Athena: written by `make docs`\n", "  # end of Athena\n"
#: Bytes that one query may scan: 10 GB cost five cents.
SCAN_LIMIT = 10_000_000_000
#: What the stack knows, of the placeholders in a text.
_KNOWN = ("FunctionName", "ConferenceName", "LogBucket")
_CONFERENCE = [f"${{ConferenceName}}-{name}" for name in ("submit", "save", "notify")]
_NAMES = ["FUNCTION"], ["${FunctionName}", "${FunctionName}-experiment", "${FunctionName}-async", *_CONFERENCE]


def pages() -> dict[Path, str]:
    """Return the text of the page."""
    reading = DOCS / "reading.md"
    made = "\n".join(ddl(one) for one in tables("s3://BUCKET/", DEFAULT, _NAMES[0]))
    asked = "\n".join(one.sql for one in queries())
    parts = {"athena-ddl": f"```sql\n{made}```\n", "athena-queries": f"```sql\n{asked}```\n"}
    return {reading: filled(reading.read_text(encoding="utf-8"), **parts)}


def written(template: str) -> str:
    """Return a template with the tables and queries in it."""
    return between(template, BEGIN, END, resources())


def resources() -> str:
    """Return the resources of template.yaml."""
    found = [
        f"""  LogDatabase:
    Type: AWS::Glue::Database
    Condition: HasAthena
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseInput: {{}}

  LogWorkGroup:
    Type: AWS::Athena::WorkGroup
    Condition: HasAthena
    Properties:
      Name: !Sub ${{FunctionName}}-logs
      RecursiveDeleteOption: true
      WorkGroupConfiguration:
        # A query that would scan more is cancelled.
        BytesScannedCutoffPerQuery: {SCAN_LIMIT}
        ResultConfiguration:
          OutputLocation: !Sub s3://${{LogBucket}}/athena-results/
"""
    ]
    found += [_table(one) for one in tables("s3://${LogBucket}/", DEFAULT, _NAMES[1])]
    found += [_query(one) for one in queries()]
    return "\n".join(found)


def _table(table: Table) -> str:
    lines = [
        f"  {table.name.title()}Table:",
        "    Type: AWS::Glue::Table",
        "    Condition: HasAthena",
        "    Properties:",
        "      CatalogId: !Ref AWS::AccountId",
        "      DatabaseName: !Ref LogDatabase",
        "      TableInput:",
        f"        Name: {table.name}",
        "        TableType: EXTERNAL_TABLE",
        "        Parameters:",
        "          EXTERNAL: 'TRUE'",
        *(f"          {key}: {_value(value)}" for key, value in table.parameters.items()),
        "        PartitionKeys:",
        *(f"          - {{Name: {name}, Type: string}}" for name in table.partitions),
        "        StorageDescriptor:",
        f"          Location: {_value(table.location)}",
        f"          InputFormat: {table.formats[0]}",
        f"          OutputFormat: {table.formats[1]}",
        "          SerdeInfo:",
        f"            SerializationLibrary: {table.serde}",
        "          Columns:",
        *(f"            - {{Name: {name}, Type: {kind}}}" for name, kind in table.columns.items()),
    ]
    return "\n".join(lines) + "\n"


def _query(query: Query) -> str:
    sql = "\n".join(f"        {line}".rstrip() for line in query.sql.splitlines())
    return f"""  {query.name.title()}Query:
    Type: AWS::Athena::NamedQuery
    Condition: HasAthena
    Properties:
      Name: {query.name}
      Description: {json.dumps(query.about)}
      Database: !Ref LogDatabase
      WorkGroup: !Ref LogWorkGroup
      QueryString: |
{sql}
"""


def _value(text: str) -> str:
    """Return a text in YAML; what the stack knows is filled in, and Athena's own placeholders are left."""
    if any(f"${{{name}}}" in text for name in _KNOWN):
        return "!Sub " + json.dumps(re.sub(rf"\$\{{(?!(?:{'|'.join(_KNOWN)})\}})", "${!", text))
    return json.dumps(text)
