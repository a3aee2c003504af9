"""PostgreSQL, through psycopg, with rows inserted by COPY. `postgresql://USER@HOST/DATABASE`, as libpq reads it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, ClassVar

import polars as pl
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from meshquake.exporters.address import Address
from meshquake.exporters.databases.sql import SqlDatabase
from meshquake.exporters.databases.tables import Table

#: Exceptions of the driver.
DRIVER_ERRORS = (psycopg.Error,)
#: The advisory lock that serialises loads into a database: from "meshquake", so no other program is likely to use it.
_TURN = int.from_bytes(b"meshquak", "big") >> 1


class Postgresql(SqlDatabase):
    """A PostgreSQL database. Times are `timestamptz`, shown in the time zone of the session; objects are `jsonb`."""

    types: ClassVar = {
        "string": "text",
        "time": "timestamptz",
        "number": "double precision",
        "integer": "bigint",
        "boolean": "boolean",
        "object": "jsonb",
    }
    mark: ClassVar = "%s"

    def __init__(self, connection: psycopg.Connection) -> None:
        super().__init__()
        self._cursor = connection.cursor()

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Execute a statement."""
        self._cursor.execute(statement, parameters)
        return self._cursor.fetchall() if self._cursor.description else []

    def columns(self, table: str) -> list[str]:
        """The columns of a table."""
        found = self.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped "
            "ORDER BY attnum",
            [table],
        )
        return [name for (name,) in found]

    def insert(self, table: Table, rows: Iterator[pl.DataFrame]) -> None:
        """Append rows by COPY, as CSV, in which an empty field is null and `""` an empty string."""
        for frame in rows:
            text = io.BytesIO()
            frame.write_csv(text, include_header=False)
            with self._cursor.copy(f"COPY {table.name} FROM STDIN (FORMAT csv)") as copy:
                copy.write(text.getvalue())


@contextmanager
def connect(address: Address) -> Iterator[Postgresql]:
    """Open a transaction on an existing database."""
    settings: dict[str, Any] = {"connect_timeout": 10, "application_name": "meshquake", "client_encoding": "UTF8"}
    # Closing the connection makes the server roll back. The driver's own context manager would send a ROLLBACK, and
    # wait for ever if the connection was interrupted during a COPY.
    with closing(psycopg.connect(make_conninfo(**settings | conninfo_to_dict(address.url)))) as connection:
        database = Postgresql(connection)
        database.execute("SELECT pg_advisory_xact_lock(%s)", [_TURN])
        yield database
        connection.commit()
