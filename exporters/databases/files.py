"""Addresses of databases in files."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from meshquake.exporters.address import Address
from meshquake.exporters.databases.database import DatabaseError


def file(address: Address) -> Path:
    """Return the file that a URL without a host names: x.db for `sqlite:///x.db`, /x.db for `sqlite:////x.db`.

    Raises
    ------
    DatabaseError
        If the URL names a host, no file, or a database in memory, or has parameters.
    """
    host, _, path = address.url.partition("://")[2].partition("/")
    if host or not path:
        here, there = f"{address.scheme}:///x.db", f"{address.scheme}:////tmp/x.db"
        raise DatabaseError(f"must name a file: {here} for x.db in this folder, {there} for /tmp/x.db")
    if "?" in path:
        raise DatabaseError("the address of a file has no parameters: write %3F for a question mark in its name")
    name = unquote(path)
    if ":memory:" in name:
        raise DatabaseError("a database in memory is lost when the command ends: name a file")
    return Path(name).absolute()  # drivers give other names a meaning of their own, such as `file:x` and `md:x`
