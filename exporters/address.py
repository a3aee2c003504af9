"""Addresses of databases and receivers, with their secrets kept out of messages and files.

Credentials appear before the host, in parameters and in headers. Names of parameters and headers don't tell which of
them are secret, so all their values are hidden.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote, unquote_plus, urlsplit

#: Shown in place of a hidden value.
HIDDEN = "***"
#: Shortest value, in characters, that is masked in other texts: shorter ones also occur in ordinary words.
_SHORTEST = 4
_SCHEME = re.compile("[a-z][a-z0-9+.-]*", re.ASCII | re.IGNORECASE)


class Secrets:
    """Values to mask in any text: messages of libraries and receivers quote what they were given."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        forms = {form for value in values for form in (value, unquote(value), unquote_plus(value))}
        # Longest first: one may be part of another.
        self._forms = sorted((form for form in forms if len(form) >= _SHORTEST), key=len, reverse=True)

    def cleared(self, text: str) -> str:
        """Return a text with each of the values replaced by `***`."""
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return text


@dataclass(frozen=True)
class Address:
    """A URL."""

    url: str = field(repr=False)

    @property
    def scheme(self) -> str:
        """The part before `://`, in lower case; empty if the text isn't a URL."""
        scheme, separator, _ = self.url.partition("://")
        return scheme.lower() if separator and _SCHEME.fullmatch(scheme) else ""

    @property
    def user(self) -> str:
        """User and password: everything before the last `@`; empty if the URL names no host."""
        return "" if self._rest.startswith("/") else self._rest.rpartition("@")[0]

    @property
    def is_plain(self) -> bool:
        """Whether URL parsers find the same user and password in it as a human reader does."""
        try:
            return urlsplit(self.url).netloc.rpartition("@")[0] == self.user
        except ValueError:  # such as brackets without an IPv6 address in them
            return not self.user

    @property
    def shown(self) -> str:
        """The URL without user and password, and with `***` for each value in it.

        It identifies the place: it doesn't change with the user, password or token.
        """
        if not self.is_plain:  # it isn't clear where the host begins
            return f"{self.scheme}://{HIDDEN}"
        place, *parameters = self._parts
        if "=" in place:  # not a URL after all, such as `postgresql://host=... password=...`
            place = f"{place.partition('=')[0]}={HIDDEN}"
        return "".join((self.scheme, "://", place, *map(_hidden, parameters)))

    @property
    def values(self) -> frozenset[str]:
        """The password and all values of parameters: everything in the URL that may be secret."""
        place, *parameters = self._parts
        values = {value if equals else name for name, equals, value in (each[1:].partition("=") for each in parameters)}
        return frozenset({self.user.partition(":")[2], *values, *re.findall(r"=([^\s/:,]+)", place)})

    @property
    def _rest(self) -> str:
        return self.url.partition("://")[2]

    @property
    def _parts(self) -> list[str]:
        """The place, then each parameter with the mark (`?`, `&` or `#`) before it."""
        place = self._rest.removeprefix(f"{self.user}@") if self.user else self._rest
        return re.split("(?=[?&#])", place)


def _hidden(parameter: str) -> str:
    name, equals, _ = parameter[1:].partition("=")
    return f"{parameter[0]}{name}={HIDDEN}" if equals else f"{parameter[0]}{HIDDEN}"
