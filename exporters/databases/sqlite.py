"""SQLite: a database in a file, through the standard library. `sqlite:///FILE`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, ClassVar

import polars as pl

from meshquake.exporters.address import Address
from meshquake.exporters.databases.files import file
from meshquake.exporters.databases.sql import SqlDatabase
from meshquake.exporters.databases.tables import Table
from meshquake.exporters.unfinished import interruptible

#: Exceptions of the driver.
DRIVER_ERRORS = (sqlite3.Error,)


class Sqlite(SqlDatabase):
    """An SQLite database. Times are ISO 8601 text, as in records: it sorts by time, and date functions read it."""

    types: ClassVar = {
        "string": "TEXT",
        "time": "TEXT",
        "number": "REAL",
        "integer": "INTEGER",
        "boolean": "BOOLEAN",
        "object": "TEXT",
    }

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__()
        self._connection = connection

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Execute a statement."""
        return self._connection.execute(statement, parameters).fetchall()

    def columns(self, table: str) -> list[str]:
        """The columns of a table."""
        return [name for (name,) in self.execute("SELECT name FROM pragma_table_info(?)", [table])]

    def insert(self, table: Table, rows: Iterator[pl.DataFrame]) -> None:
        """Append rows with one statement, which is prepared once."""
        marks = ", ".join("?" * len(table.columns))
        each = (row for frame in rows for row in frame.iter_rows())
        self._connection.executemany(f"INSERT INTO {table.name} VALUES ({marks})", each)


@contextmanager
def connect(address: Address) -> Iterator[Sqlite]:
    """Open a transaction on the database in a file, which is made if it doesn't exist."""
    with (
        closing(sqlite3.connect(file(address), isolation_level=None)) as connection,
        interruptible(connection.interrupt),
    ):
        connection.execute("PRAGMA cache_size = -49152")  # 48 MiB, to build indexes in memory
        connection.execute("BEGIN IMMEDIATE")
        yield Sqlite(connection)
        connection.execute("COMMIT")
