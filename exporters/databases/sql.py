"""The common part of SQL databases; each adds its types, and its own way to insert rows in bulk."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import polars as pl

from meshquake.exporters.databases.database import DatabaseError
from meshquake.exporters.databases.tables import FIXTURES, Table


class SqlDatabase(ABC):
    """An SQL database in a transaction, which the caller that opened it ends.

    Attributes
    ----------
    types
        The SQL type of each type of column.
    mark
        The placeholder of a parameter.
    indexed
        Whether tables, other than `fixtures`, get keys and indexes.
    """

    types: ClassVar[Mapping[str, str]]
    mark: ClassVar[str] = "?"
    indexed: ClassVar[bool] = True

    def __init__(self) -> None:
        self._made: list[Table] = []

    @abstractmethod
    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Execute a statement and return its rows, if any."""

    @abstractmethod
    def columns(self, table: str) -> list[str]:
        """Return the names of a table's columns; empty if there is no such table."""

    @abstractmethod
    def insert(self, table: Table, rows: Iterator[pl.DataFrame]) -> None:
        """Append rows."""

    def prepare(self, tables: Sequence[Table]) -> None:
        """Make the tables that don't exist; DatabaseError if one exists with other columns."""
        for table in tables:
            found = self.columns(table.name)
            if not found:
                self.execute(self._create(table))
                self._made.append(table)
            elif found != list(table.names):
                raise DatabaseError(
                    f"table {table.name} exists, but its columns are not those of this version: {', '.join(found)}; "
                    "load into another database, or drop the table"
                )

    def find(self, fixture: str) -> Mapping[str, Any] | None:
        """Return the row of a fixture; None if there is none."""
        names = ", ".join(FIXTURES.names)
        rows = self.execute(f"SELECT {names} FROM fixtures WHERE fixture = {self.mark}", [fixture])
        return dict(zip(FIXTURES.names, rows[0], strict=True)) if rows else None

    def begin(self, row: Mapping[str, Any], tables: Sequence[Table]) -> None:
        """Insert or update the row of a fixture."""
        names = FIXTURES.names
        changes = ", ".join(f"{name} = excluded.{name}" for name in names if name not in FIXTURES.key)
        self.execute(
            f"INSERT INTO fixtures ({', '.join(names)}) VALUES ({', '.join([self.mark] * len(names))}) "
            f"ON CONFLICT (fixture) DO UPDATE SET {changes}",
            [row[name] for name in names],
        )

    def finish(self) -> None:
        """Make the indexes of new tables, which is faster now than row by row."""
        for table in self._made:
            for columns in table.indexes if self.indexed else ():
                name = "_".join((table.name, *columns[1:]))
                self.execute(f"CREATE INDEX {name} ON {table.name} ({', '.join(columns)})")

    def _create(self, table: Table) -> str:
        """Return the CREATE TABLE statement of a table."""
        lines = [f"{each.name} {self.types[each.type]}{'' if each.nullable else ' NOT NULL'}" for each in table.columns]
        if table is FIXTURES or self.indexed:
            lines.append(f"PRIMARY KEY ({', '.join(table.key)})")
        return f"CREATE TABLE {table.name} ({', '.join(lines)})"
