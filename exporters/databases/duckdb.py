"""DuckDB: a columnar database in a file. `duckdb:///FILE`.

Rows are inserted as Arrow batches, DuckDB's own bulk path. The tables of records have no keys and no indexes: DuckDB
skips blocks by the minimum and maximum of each column, which works well since records are in order of time, and its
indexes would have to fit into memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, ClassVar

import duckdb
import polars as pl
import pyarrow as pa

from meshquake.exporters.address import Address
from meshquake.exporters.databases.files import file
from meshquake.exporters.databases.sql import SqlDatabase
from meshquake.exporters.databases.tables import Table, frame_schema
from meshquake.exporters.unfinished import interruptible
from meshquake.sim.telemetry.timestamps import utc

#: Exceptions of the driver.
DRIVER_ERRORS = (duckdb.Error,)
#: The memory limit. By default DuckDB caches what it has written, in up to most of the machine's memory. One thread is
#: enough too: rows come in one stream.
_MEMORY = "48MB"


class DuckDb(SqlDatabase):
    """A DuckDB database. Times are `TIMESTAMPTZ`, shown in the time zone of the session; objects are `JSON`."""

    types: ClassVar = {
        "string": "VARCHAR",
        "time": "TIMESTAMPTZ",
        "number": "DOUBLE",
        "integer": "BIGINT",
        "boolean": "BOOLEAN",
        "object": "JSON",
    }
    indexed: ClassVar = False

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        super().__init__()
        self._connection = connection

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Execute a statement."""
        return self._connection.execute(statement, parameters).fetchall()

    def columns(self, table: str) -> list[str]:
        """The columns of a table."""
        found = self.execute(
            "SELECT column_name FROM duckdb_columns() WHERE database_name = current_database() "
            "AND schema_name = current_schema() AND table_name = ? ORDER BY column_index",
            [table],
        )
        return [name for (name,) in found]

    def insert(self, table: Table, rows: Iterator[pl.DataFrame]) -> None:
        """Append rows as a stream of Arrow batches in one statement, since each statement would keep some memory.

        Errors from the iterator of rows are raised as they are, rather than wrapped by DuckDB.
        """
        failures: list[BaseException] = []

        def batches() -> Iterator[pa.RecordBatch]:
            try:
                for frame in rows:
                    yield from _arrow(table, frame).to_batches()
            except BaseException as error:
                failures.append(error)
                raise

        schema = _arrow(table, pl.DataFrame(schema=frame_schema(table.columns))).schema
        self._connection.register("stream", pa.RecordBatchReader.from_batches(schema, batches()))
        try:
            self._connection.execute(f"INSERT INTO {table.name} SELECT * FROM stream")
        except duckdb.Error:
            if failures:
                raise failures[0] from None
            raise
        self._connection.unregister("stream")


@contextmanager
def connect(address: Address) -> Iterator[DuckDb]:
    """Open a transaction on the database in a file, which is made if it doesn't exist."""
    opened = duckdb.connect(file(address), config={"memory_limit": _MEMORY, "threads": 1})
    with closing(opened) as connection, interruptible(connection.interrupt):
        connection.begin()
        yield DuckDb(connection)
        connection.commit()


def _arrow(table: Table, rows: pl.DataFrame) -> pa.Table:
    return rows.with_columns(map(utc, table.of_type("time"))).to_arrow()
