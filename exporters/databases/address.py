"""The address of a database: a URL whose scheme says which kind it is, and whose password nobody gets to see."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from meshquake.exporters.databases.database import DatabaseError


@dataclass(frozen=True)
class Address:
    """A database's URL."""

    url: str

    @property
    def scheme(self) -> str:
        """What comes before `://`, in lower case; empty if the text isn't a URL."""
        scheme, separator, _ = self.url.partition("://")
        return scheme.lower() if separator else ""

    @property
    def file(self) -> Path:
        """The file that a URL without a host names: `sqlite:///x.db` is x.db here, and `sqlite:////x.db` is /x.db.

        Raises
        ------
        DatabaseError
            If it names a host, or no file.
        """
        rest = self.url.partition("://")[2]
        host, _, path = rest.partition("/")
        if host or not path:
            example = f"{self.scheme}:///x.db for x.db in this folder, {self.scheme}:////tmp/x.db for /tmp/x.db"
            raise DatabaseError(f"it should name a file: {example}")
        return Path(unquote(path))

    @property
    def shown(self) -> str:
        """The URL with `***` for the password."""
        return self.cleared(self.url)

    def cleared(self, text: str) -> str:
        """A text, such as a driver's message, with `***` for the password."""
        for secret in self._secrets():
            text = text.replace(secret, "***")
        return text

    @property
    def is_plain(self) -> bool:
        """Whether every reader of URLs finds the same password in it as people do: all before the last `@`."""
        return self._meant() == self._written()

    def _secrets(self) -> set[str]:
        """The password as the URL has it, and as it is meant, wherever a URL may have one."""
        query = (each.partition("=") for each in re.split("[?&]", self.url)[1:])
        found = {self._meant(), self._written(), *(value for name, _, value in query if "password" in name.lower())}
        secrets = {secret for secret in found if secret}
        return secrets | {unquote(secret) for secret in secrets}

    def _meant(self) -> str | None:
        """The password, even if a slash in it ends the host for a reader of URLs."""
        user, at, _ = self.url.partition("://")[2].rpartition("@")
        _, colon, password = user.partition(":")
        return password if at and colon else None

    def _written(self) -> str | None:
        """The password as a reader of URLs finds it."""
        try:
            return urlsplit(self.url).password
        except ValueError:
            return None
