"""What a fixture is loaded into: the protocol that every database follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import polars as pl

from meshquake.exporters.databases.tables import Table
from meshquake.topology.exceptions import MeshquakeError


class DatabaseError(MeshquakeError):
    """A database can't be reached, or won't take what it is given."""


class Database(Protocol):
    """A database while one fixture is loaded into it.

    What is done to it is kept when the block that it was opened for (`exporters.databases.connecting`) ends well, and
    undone otherwise. A driver's own errors pass through: that block makes sentences of them.
    """

    def prepare(self, tables: Sequence[Table]) -> None:
        """Make the tables that aren't there.

        Raises
        ------
        DatabaseError
            If a table of that name is there that has other columns.
        """

    def find(self, fixture: str) -> Mapping[str, Any] | None:
        """The row of a fixture that is there as a whole; None if there's none."""

    def begin(self, row: Mapping[str, Any], tables: Sequence[Table]) -> None:
        """Put the row of a fixture, in place of the one that may be there; records in these tables follow."""

    def insert(self, table: Table, rows: Iterator[pl.DataFrame]) -> None:
        """Append rows, as frames with the columns of the table; times are text, as in records, and objects JSON."""

    def finish(self) -> None:
        """Do what is best done when all rows are there."""
