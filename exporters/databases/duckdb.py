"""DuckDB: a database in a file that keeps columns. `duckdb:///FILE`.

Rows go in as Arrow batches, which is DuckDB's own bulk path. The tables of records have no keys and no indexes: DuckDB
skips what a query doesn't need by the least and the greatest of each block of a column, records are in order of time,
and its indexes would have to fit into memory.
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

#: What the driver raises.
DRIVER_ERRORS = (duckdb.Error,)
#: DuckDB would keep what it has written in memory, up to most of what the machine has. Rows come in one stream, which a
#: second thread wouldn't make faster.
_MEMORY = "48MB"


class DuckDb(SqlDatabase):
    """Times are points in time, shown in the time zone of who asks; objects are JSON."""

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
        """Append rows as a stream of Arrow batches, by one statement: each statement would keep some memory.

        What goes wrong with the rows is raised as it is, though it's DuckDB that takes them.
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
    """A transaction on the database in a file, which is made if it isn't there."""
    opened = duckdb.connect(file(address), config={"memory_limit": _MEMORY, "threads": 1})
    with closing(opened) as connection, interruptible(connection.interrupt):
        connection.begin()
        yield DuckDb(connection)
        connection.commit()


def _arrow(table: Table, rows: pl.DataFrame) -> pa.Table:
    return rows.with_columns(map(utc, table.of_type("time"))).to_arrow()
