"""A query in Logs Insights' language as one statement of SQL over the view `logs`.

Each command that changes rows becomes a common table expression over the one before it. Computed columns are numbered
(c1, c2, …), so a name that a user gives is never a name in SQL.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from adaptive_batching.logs.language import values
from adaptive_batching.logs.language.errors import LanguageError
from adaptive_batching.logs.language.functions import ORDER
from adaptive_batching.logs.language.names import for_query
from adaptive_batching.logs.language.nodes import Name
from adaptive_batching.logs.language.pipeline import Command, Dedup, Fields, Filter, Limit, Sort, Stats, read
from adaptive_batching.logs.language.translation import Translator
from adaptive_batching.logs.language.values import Kind, Value

#: Rows of a query without `limit`, as in Logs Insights.
DEFAULT_LIMIT = 10_000
#: What is shown if a query does not say.
_DEFAULT = ("@timestamp", "@message")
_NEWEST_FIRST = tuple(f"{name} DESC" for name in ORDER)


@dataclass(frozen=True)
class Statement:
    """A query in SQL, and the names and kinds of its columns. `limited`: the query says how many rows it wants.

    Without that, the statement asks for one row more than DEFAULT_LIMIT, which tells whether there are more.
    """

    sql: str
    columns: tuple[tuple[str, Kind], ...]
    limited: bool


def statement(text: str) -> Statement:
    """Translate a query. Raises LanguageError with a sentence that quotes what is not understood."""
    building = _Building()
    for command in read(text):
        building.add(command)
    return building.statement()


@dataclass
class _Building:
    """A statement while it is being built."""

    steps: list[str] = field(default_factory=list)
    #: Names that the query has given, and what they stand for.
    given: dict[str, Value] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)
    order: tuple[str, ...] = _NEWEST_FIRST
    #: Whether rows are lines; behind `stats` they are groups.
    lines: bool = True
    limited: bool = False
    #: Whether a `dedup` was there: only `limit` may follow.
    closed: bool = False
    columns: int = 0

    def add(self, command: Command) -> None:
        """Add a command. Raises LanguageError."""
        if self.closed and not isinstance(command, Limit):
            raise LanguageError("behind dedup only limit can follow, as in Logs Insights; put the rest before it")
        match command:
            case Fields():
                self._show(command)
            case Filter():
                self._step(f"SELECT * FROM {self._last} WHERE {self._rows.condition(command.condition)}")
            case Stats():
                self._group(command)
            case Sort():
                self._sort(command)
            case Limit():
                self._step(f"SELECT * FROM {self._last} ORDER BY {', '.join(self.order)} LIMIT {command.count}")
                self.limited = True
            case Dedup():
                self._dedup(command)
                self.closed = True

    def statement(self) -> Statement:
        """Return the finished statement."""
        shown = self.shown or list(_DEFAULT)
        found = [self._name(name) for name in shown]
        select = ", ".join(value.sql for value in found)
        limit = "" if self.limited else f" LIMIT {DEFAULT_LIMIT + 1}"
        steps = ", ".join(f"s{number} AS ({sql})" for number, sql in enumerate(self.steps, 1))
        sql = f"SELECT {select} FROM {self._last} ORDER BY {', '.join(self.order)}{limit}"
        columns = tuple((name, value.kind) for name, value in zip(shown, found, strict=True))
        return Statement(f"WITH {steps} {sql}" if steps else sql, columns, self.limited)

    @property
    def _last(self) -> str:
        return f"s{len(self.steps)}" if self.steps else "logs"

    @property
    def _rows(self) -> Translator:
        """What translates an expression over the rows as they are here."""
        return Translator(self._name, self.given, lines=self.lines)

    def _name(self, name: str) -> Value:
        if name in self.given:
            return self.given[name]
        if self.lines:
            return for_query(name)
        raise LanguageError(f"behind stats there is no {name!r}; there are {', '.join(self.given)}")

    def _step(self, sql: str) -> None:
        self.steps.append(sql)

    def _numbered(self, found: list[Value]) -> tuple[list[Value], list[str]]:
        """Give columns their numbers. Return them, and what a SELECT lists for them."""
        names = [f"c{self.columns + number}" for number in range(1, len(found) + 1)]
        self.columns += len(found)
        columns = [Value(name, value.kind) for name, value in zip(names, found, strict=True)]
        return columns, [f"{value.sql} AS {name}" for name, value in zip(names, found, strict=True)]

    def _compute(self, found: list[Value]) -> list[Value]:
        """Add columns to the rows, and return them."""
        columns, listed = self._numbered(found)
        self._step(f"SELECT *, {', '.join(listed)} FROM {self._last}")
        return columns

    def _show(self, command: Fields) -> None:
        if command.only:
            self.shown = []
        for column in command.columns:  # one by one: the next may use the name of the one before
            if isinstance(column.node, Name) and column.node.name == column.name:
                self._name(column.name)  # refuses an unknown one
            else:
                (self.given[column.name],) = self._compute([self._rows.value(column.node)])
            if column.name not in self.shown:
                self.shown.append(column.name)

    def _group(self, command: Stats) -> None:
        inside = self._rows
        keys = self._compute([inside.value(column.node) for column in command.by]) if command.by else []
        by = {column.name: key for column, key in zip(command.by, keys, strict=True)}
        by |= {column.node.source: key for column, key in zip(command.by, keys, strict=True)}
        same = dict(by)  # what is one value for a group: its keys, and the columns before this one
        outside = Translator(lambda name: _of_group(name, same), by, inside, lines=self.lines)
        columns, listed = [], []
        for column in command.columns:
            (value,), written = self._numbered([outside.value(column.node)])
            columns.append(value)
            listed += written
            same[column.name] = value
        group = f" GROUP BY {', '.join(key.sql for key in keys)}" if keys else ""
        self._step(f"SELECT {', '.join([*(key.sql for key in keys), *listed])} FROM {self._last}{group}")
        self.given = {}
        for column, value in zip((*command.by, *command.columns), (*keys, *columns), strict=True):
            if column.name in self.given:
                raise LanguageError(f"stats has two columns named {column.name!r}; name one of them with `as`")
            self.given[column.name] = value
        self.shown = list(self.given)
        self.lines = False
        self.order = tuple(f"{sql} NULLS LAST" for key in keys for sql in values.order(key)) or ("1",)

    def _sort(self, command: Sort) -> None:
        order: list[tuple[str, str]] = []
        for node, descending in command.keys:
            found = self._rows.value(node)
            order.append((f"({found.sql}) IS NULL", "ASC"))  # missing values come last either way
            order += [(sql, "DESC" if descending else "ASC") for sql in values.order(found)]
        keys = self._compute([Value(sql, "text") for sql, _ in order])
        ways = [way for _, way in order]
        self.order = (*(f"{key.sql} {way} NULLS LAST" for key, way in zip(keys, ways, strict=True)), *self.order)

    def _dedup(self, command: Dedup) -> None:
        keys = self._compute([self._rows.value(node) for node in command.columns])
        listed = ", ".join(key.sql for key in keys)
        first = f"row_number() OVER (PARTITION BY {listed} ORDER BY {', '.join(self.order)}) = 1"
        missing = " OR ".join(f"{key.sql} IS NULL" for key in keys)  # Logs Insights keeps those
        self._step(f"SELECT * FROM {self._last} QUALIFY {first} OR {missing}")


def _of_group(name: str, by: dict[str, Value]) -> Value:
    if name in by:
        return by[name]
    raise LanguageError(
        f"{name!r} has many values in a group; put it behind `by`, or into a function such as max({name})"
    )
