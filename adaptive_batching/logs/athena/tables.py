"""The tables `logs` (objects as they are shipped) and `compacted`, as Athena and Glue want them. Pure.

Partitions are projected: Athena makes their locations from the template of the keys and the values in a query, and no
crawler runs. A function is an enum: `injected` would need one function in each query.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptive_batching.logs.sources import compacted, keys
from adaptive_batching.logs.sql.columns import SHAPE, START
from adaptive_batching.logs.sql.views import LOGS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: The first day that is looked for: before that, there was nothing to ship.
FIRST = "2025-01-01"
_YEARS = f"{FIRST[:4]},2100"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_HIVE = {"VARCHAR": "string", "TIMESTAMP": "timestamp", "BIGINT": "bigint", "DOUBLE": "double"}
_LINES = {
    "time": "string",
    "type": "string",
    "record": "string",
    "requestid": "string",
    "environment": "string",
    "sequence": "bigint",
}
_JSON = "org.openx.data.jsonserde.JsonSerDe"
_PARQUET = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
_TEXT_FORMATS = (
    "org.apache.hadoop.mapred.TextInputFormat",
    "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
)
_PARQUET_FORMATS = (
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
)


@dataclass(frozen=True)
class Table:
    """A table. `parameters` are its properties."""

    name: str
    columns: Mapping[str, str]  # name -> type
    partitions: Sequence[str]  # all of them are strings
    serde: str
    formats: tuple[str, str]  # of input and of output
    location: str
    parameters: Mapping[str, str]


def tables(address: str, layout: str, functions: Sequence[str]) -> list[Table]:
    """Return both tables. `address` is s3://bucket/prefix/, `layout` a template of S3_PREFIX. Raises LayoutError."""
    keys.checked(layout)
    days = address + compacted.FOLDER
    packed = {name: _HIVE[kind] for name, kind in LOGS.items() if name != "function"}  # the partition's name
    return [
        Table(
            "logs", _LINES, _partitions(layout), _JSON, _TEXT_FORMATS, address, _projection(address, layout, functions)
        ),
        Table(
            "compacted",
            {**packed, START: "bigint", SHAPE: "int"},
            _partitions(compacted.LAYOUT),
            _PARQUET,
            _PARQUET_FORMATS,
            days,
            _projection(days, compacted.LAYOUT, functions),
        ),
    ]


def ddl(table: Table, database: str = "") -> str:
    """Return the statement that creates a table."""
    name = f"`{database}`.`{table.name}`" if database else f"`{table.name}`"
    parts = f"partitioned by ({_columns(dict.fromkeys(table.partitions, 'string'))})\n" if table.partitions else ""
    told = ",\n".join(f"  {_text(key)} = {_text(value)}" for key, value in table.parameters.items())
    return (
        f"create external table if not exists {name} (\n  {_columns(table.columns)}\n)\n{parts}"
        f"row format serde {_text(table.serde)}\n"
        f"stored as inputformat {_text(table.formats[0])}\n  outputformat {_text(table.formats[1])}\n"
        f"location {_text(table.location)}\ntblproperties (\n{told}\n);\n"
    )


def _partitions(layout: str) -> list[str]:
    return list(dict.fromkeys(_PLACEHOLDER.findall(layout)))


def _projection(address: str, layout: str, functions: Sequence[str]) -> dict[str, str]:
    if not _partitions(layout):
        return {"classification": "logs"}
    kinds = {
        "function": {"type": "enum", "values": ",".join(functions)},
        "date": {"type": "date", "format": "yyyy-MM-dd", "range": f"{FIRST},NOW"},
        "year": {"type": "integer", "range": _YEARS},
        "month": {"type": "integer", "range": "1,12", "digits": "2"},
        "day": {"type": "integer", "range": "1,31", "digits": "2"},
        "hour": {"type": "integer", "range": "0,23", "digits": "2"},
    }
    told = {"projection.enabled": "true"}
    for name in _partitions(layout):
        # of the others a query has to name one
        told |= {f"projection.{name}.{key}": value for key, value in kinds.get(name, {"type": "injected"}).items()}
    return told | {"storage.location.template": address + _PLACEHOLDER.sub(r"${\1}", layout)}


def _columns(columns: Mapping[str, str]) -> str:
    return ", ".join(f"`{name}` {kind}" for name, kind in columns.items())


def _text(value: str) -> str:
    return "'" + value.replace("'", "\\'") + "'"
