"""The address of a database or a receiver, and what of it nobody gets to see: not in a message, and not in a file.

Credentials stand before the host, in parameters and in headers. Which of those are secret can't be told by their names,
so none of their values is shown, whatever it is for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote, unquote_plus, urlsplit

#: What stands for a value that isn't shown.
HIDDEN = "***"
#: Characters of a value that is looked for in texts of others: shorter ones stand in words that are no secret.
_SHORTEST = 4
_SCHEME = re.compile("[a-z][a-z0-9+.-]*", re.ASCII | re.IGNORECASE)


class Secrets:
    """Values that no text shows, whoever wrote it: libraries and receivers quote what they were given."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        forms = {form for value in values for form in (value, unquote(value), unquote_plus(value))}
        # The longest first: one may be a part of another.
        self._forms = sorted((form for form in forms if len(form) >= _SHORTEST), key=len, reverse=True)

    def cleared(self, text: str) -> str:
        """A text with `***` for each of the values."""
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return text


@dataclass(frozen=True)
class Address:
    """A URL."""

    url: str = field(repr=False)

    @property
    def scheme(self) -> str:
        """What comes before `://`, in lower case; empty if the text isn't a URL."""
        scheme, separator, _ = self.url.partition("://")
        return scheme.lower() if separator and _SCHEME.fullmatch(scheme) else ""

    @property
    def user(self) -> str:
        """Who asks, and the password: all before the last `@`; empty if the URL names no host."""
        return "" if self._rest.startswith("/") else self._rest.rpartition("@")[0]

    @property
    def is_plain(self) -> bool:
        """Whether every reader of URLs finds the same user and password in it as people do."""
        try:
            return urlsplit(self.url).netloc.rpartition("@")[0] == self.user
        except ValueError:  # such as brackets without an IPv6 address in them
            return not self.user

    @property
    def shown(self) -> str:
        """The URL without who asks, and with `***` for each value in it.

        It's the same for the same place, whoever asks: a new password or token makes no other address.
        """
        if not self.is_plain:  # where the host is, nobody can say
            return f"{self.scheme}://{HIDDEN}"
        place, *parameters = self._parts
        if "=" in place:  # as in a text that isn't a URL after all: `postgresql://host=... password=...`
            place = f"{place.partition('=')[0]}={HIDDEN}"
        return "".join((self.scheme, "://", place, *map(_hidden, parameters)))

    @property
    def values(self) -> frozenset[str]:
        """The password, and all values: what may be secret of it."""
        place, *parameters = self._parts
        values = {value if equals else name for name, equals, value in (each[1:].partition("=") for each in parameters)}
        return frozenset({self.user.partition(":")[2], *values, *re.findall(r"=([^\s/:,]+)", place)})

    @property
    def _rest(self) -> str:
        return self.url.partition("://")[2]

    @property
    def _parts(self) -> list[str]:
        """The place, and each parameter with the mark before it."""
        place = self._rest.removeprefix(f"{self.user}@") if self.user else self._rest
        return re.split("(?=[?&#])", place)


def _hidden(parameter: str) -> str:
    name, equals, _ = parameter[1:].partition("=")
    return f"{parameter[0]}{name}={HIDDEN}" if equals else f"{parameter[0]}{HIDDEN}"
