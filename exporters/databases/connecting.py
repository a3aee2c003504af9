"""Open databases by their addresses, and turn errors of their drivers into readable ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from meshquake.exporters import extras
from meshquake.exporters.address import Address, Secrets
from meshquake.exporters.databases.database import Database, DatabaseError
from meshquake.topology.problems import suggestion


@dataclass(frozen=True)
class DatabaseKind:
    """A kind of database.

    Attributes
    ----------
    name
        Its name in messages.
    module
        A module with a context manager `connect(address)` that yields a `Database`, and `DRIVER_ERRORS`, the exceptions
        of its driver.
    extra
        The extra that installs its driver; None if the driver is in the standard library.
    """

    name: str
    module: str
    extra: str | None = None


_POSTGRESQL = DatabaseKind("PostgreSQL", "meshquake.exporters.databases.postgresql", "postgresql")
_MONGODB = DatabaseKind("MongoDB", "meshquake.exporters.databases.mongodb", "mongodb")
#: The kinds by the schemes of their addresses.
DATABASES: dict[str, DatabaseKind] = {
    "sqlite": DatabaseKind("SQLite", "meshquake.exporters.databases.sqlite"),
    "duckdb": DatabaseKind("DuckDB", "meshquake.exporters.databases.duckdb", "duckdb"),
    "postgresql": _POSTGRESQL,
    "postgres": _POSTGRESQL,
    "mongodb": _MONGODB,
    "mongodb+srv": _MONGODB,
}

#: Most characters of a driver's message: it may quote at length what the database says.
_LONGEST = 500


@contextmanager
def connected(url: str) -> Iterator[Database]:
    """Open the database at an address for a block that is one transaction.

    Parameters
    ----------
    url
        Its address, such as `sqlite:///x.db`.

    Raises
    ------
    DatabaseError
        If this isn't the address of a database, or the database can't be reached or refuses what it is given. The
        message is one line without secrets.
    exporters.extras.MissingExtraError
        If the driver isn't installed.
    """
    address = Address(url)
    if not address.scheme:
        raise DatabaseError("not a database address: use one such as sqlite:///x.db or postgresql://USER@HOST/DATABASE")
    kind = DATABASES.get(address.scheme)
    if kind is None:
        names = suggestion(address.scheme, DATABASES)
        raise DatabaseError(f"{address.shown}: unknown kind of database {address.scheme}://{names}")
    if not address.is_plain:
        raise DatabaseError(
            f"{address.shown}: a / ? # or @ in a user, a password or a value must be percent-encoded, as in %2F for /"
        )
    module = extras.load(kind.module, kind.extra, kind.name)
    try:
        with module.connect(address) as database:
            yield database
    except (DatabaseError, *module.DRIVER_ERRORS) as error:
        said = " ".join(Secrets(address.values).cleared(str(error)).split())
        raise DatabaseError(f"{address.shown}: {said[:_LONGEST]}") from None
