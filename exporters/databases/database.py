"""The protocol of databases that fixtures are loaded into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import polars as pl

from meshquake.exporters.databases.tables import Table
from meshquake.topology.exceptions import MeshquakeError


class DatabaseError(MeshquakeError):
    """A database can't be reached, or refuses what it is given."""


class Database(Protocol):
    """A database while one fixture is loaded into it.

    Changes are committed when the block that it was opened for (`exporters.databases.connecting`) succeeds, and undone
    otherwise. Methods raise errors of the driver as they are: that block translates them.
    """

    def prepare(self, tables: Sequence[Table]) -> None:
        """Make the tables that don't exist.

        Raises
        ------
        DatabaseError
            If a table of that name exists with other columns.
        """

    def find(self, fixture: str) -> Mapping[str, Any] | None:
        """Return the row of a completely loaded fixture; None if there is none."""

    def begin(self, row: Mapping[str, Any], tables: Sequence[Table]) -> None:
        """Insert or replace the row of a fixture; rows for these tables follow."""

    def insert(self, table: Table, rows: Iterator[pl.DataFrame]) -> None:
        """Append rows, as frames with the columns of the table; times are text as in records, objects JSON."""

    def finish(self) -> None:
        """Finish the load, once all rows have been inserted."""
