"""MongoDB, through pymongo: one document per row, one collection per table. `mongodb://HOST/DATABASE`.

A single server has no transactions, so until all rows are inserted, the document of a fixture lists under `loading` the
collections that are being written. The next load of the same fixture recognises by it what a killed load left, and
removes it. Readers should skip fixtures that have `loading`.

MongoDB dates only have milliseconds, so each time also has a field of microseconds since 1970, such as `timestamp_us`.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import polars as pl
import pymongo
import pymongo.errors
from bson.errors import BSONError
from pymongo.collection import Collection
from pymongo.database import Database as Names

from meshquake.exporters.address import Address
from meshquake.exporters.databases.database import DatabaseError
from meshquake.exporters.databases.tables import FIXTURES, RECORDS, Table, frame_schema
from meshquake.sim.telemetry.timestamps import microseconds, utc

#: Exceptions of the driver.
DRIVER_ERRORS = (BSONError,)
Document = dict[str, Any]


class Mongodb:
    """A MongoDB database. Writes take effect immediately; `undo` removes what the current load has written."""

    def __init__(self, names: Names[Document]) -> None:
        self._names = names
        self._fixtures: Collection[Document] = names[FIXTURES.name]
        self._fixture = ""
        self._rows: dict[str, int] = {}

    def prepare(self, tables: Sequence[Table]) -> None:
        """Make the indexes, and with them the collections.

        Raises
        ------
        DatabaseError
            If a collection of that name holds something else, or records of another shape.
        """
        for table in tables:
            collection = self._names[table.name]
            if collection.find_one({"fixture": None}) is not None:
                raise DatabaseError(f"collection {table.name} exists and holds other data")
            some = collection.find_one()
            if some is not None and (missing := [name for name in table.names if name not in some]):
                raise DatabaseError(
                    f"collection {table.name} exists, but its documents lack {', '.join(missing)}, which this "
                    "version needs; load into another database, or drop the collection"
                )
            for columns in (table.key, *table.indexes):
                collection.create_index(list(columns), unique=columns == table.key)

    def find(self, fixture: str) -> Mapping[str, Any] | None:
        """Return the document of a fixture, after removing what a killed load of it left."""
        found = self._fixtures.find_one({"fixture": fixture})
        if found is not None and "loading" in found:
            self._sweep(found)
            found = self._fixtures.find_one({"fixture": fixture})
        return found

    def begin(self, row: Mapping[str, Any], tables: Sequence[Table]) -> None:
        """Insert or update the document of a fixture, with the collections that are being written."""
        self._fixture, self._rows = row["fixture"], {table.name: 0 for table in tables}
        frame = pl.DataFrame([row], schema=frame_schema(FIXTURES.columns))
        (document,) = _documents(FIXTURES, frame)
        change = {"$set": document | {"loading": [*self._rows]}}
        self._fixtures.update_one({"fixture": self._fixture}, change, upsert=True)

    def insert(self, table: Table, rows: Iterator[pl.DataFrame]) -> None:
        """Insert one document per row."""
        for frame in filter(len, rows):
            self._names[table.name].insert_many(_documents(table, frame), ordered=False)
            self._rows[table.name] += len(frame)

    def finish(self) -> None:
        """Mark the fixture as complete, unless another load of it has removed documents meanwhile."""
        for name, rows in self._rows.items():
            found = self._names[name].count_documents({"fixture": self._fixture})
            if found != rows:
                raise DatabaseError(
                    f"{name} holds {found} of {rows} documents: is another process loading this fixture?"
                )
        self._fixtures.update_one({"fixture": self._fixture}, {"$unset": {"loading": ""}})

    def undo(self) -> None:
        """Remove what was written since `begin`."""
        found = self._fixtures.find_one({"fixture": self._fixture})
        if found is not None and "loading" in found:
            self._sweep(found)

    def _sweep(self, fixture: Mapping[str, Any]) -> None:
        """Remove the incomplete part of a fixture: all of it, or its answer key only."""
        for name in fixture["loading"]:
            self._names[name].delete_many({"fixture": fixture["fixture"]})
        if RECORDS[0].name in fixture["loading"]:
            self._fixtures.delete_one({"fixture": fixture["fixture"]})
        else:
            change = {"$set": {"truth": False}, "$unset": {"loading": ""}}
            self._fixtures.update_one({"fixture": fixture["fixture"]}, change)


@contextmanager
def connect(address: Address) -> Iterator[Mongodb]:
    """Open a database, which is made if it doesn't exist."""
    try:
        with _client(address) as client:
            database = Mongodb(client.get_default_database())
            try:
                yield database
            except BaseException:
                database.undo()
                raise
    except pymongo.errors.PyMongoError as error:
        # The driver appends its settings, and the server's answer once more.
        raise DatabaseError(re.split(r" \(configured|, full error", str(error))[0]) from None


def _client(address: Address) -> pymongo.MongoClient[Document]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # the driver ignores options that it warns about
            return pymongo.MongoClient(address.url, serverSelectionTimeoutMS=5000, tz_aware=True)
    except (ValueError, UserWarning) as error:  # such as an invalid port, or an unknown option
        raise DatabaseError(str(error)) from None


def _documents(table: Table, rows: pl.DataFrame) -> list[Document]:
    """Convert rows to documents."""
    times, objects = table.of_type("time"), table.of_type("object")
    exact = (microseconds(name).alias(f"{name}_us") for name in times)
    documents = rows.with_columns(*map(utc, times), *exact).to_dicts()
    for document in documents if objects else ():
        for name in objects:
            if document[name] is not None:
                document[name] = json.loads(document[name])
    return documents
