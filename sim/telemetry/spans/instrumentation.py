"""What instrumentation leaves inside the spans of a service, by what the service is built with (`inside.yaml`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from meshquake.sim.telemetry.requests.operation_words import OperationWords
from meshquake.topology.packaged import packaged
from meshquake.topology.spec import Operation, Service
from meshquake.topology.units import parse_ratio

_WORD = re.compile(r"[A-Za-z0-9]+")
#: Words of a service's name that say nothing.
_IDLE = ("service", "svc", "server")


@dataclass(frozen=True)
class Piece:
    """A span within an operation's own work: its name, and the share of that work that it takes on average."""

    name: str
    share: float


@dataclass(frozen=True)
class Instrumentation:
    """What is left inside a server span; names are templates, empty for what isn't there. See `inside.yaml`."""

    thread: str = ""
    waiting: str = ""
    before: tuple[Piece, ...] = ()
    handler: str = ""
    inside: tuple[Piece, ...] = ()
    after: tuple[Piece, ...] = ()
    store: str = ""
    connection: str = ""

    @property
    def own(self) -> float:
        """The share of the work that is in no piece."""
        return 1.0 - sum(piece.share for piece in (*self.before, *self.inside, *self.after))


@cache
def instrumentations() -> Mapping[str, Instrumentation]:
    """All of them, by the name of the stack."""
    return {name: _read(entry) for name, entry in packaged("meshquake.sim.telemetry.spans", "inside.yaml").items()}


def _read(entry: dict[str, Any]) -> Instrumentation:
    pieces: dict[str, Any] = {
        key: tuple(Piece(each["name"], parse_ratio(each["share"])) for each in value)
        for key, value in entry.items()
        if isinstance(value, list)
    }
    return Instrumentation(**(entry | pieces))


def instrumentation(service: Service) -> Instrumentation | None:
    """What is left inside the server spans of a service; None if nothing is."""
    stack = service.built_with
    return None if stack is None or not service.internal_spans else instrumentations().get(stack.name)


def named(template: str, service: Service, operation: Operation, store: str = "") -> str:
    """A name filled in for an operation of a service, or for its call of an operation of a `store`."""
    words = [word for word in _words(service.name) if word.lower() not in _IDLE] or _words(service.name)
    camel = "".join(map(_capital, _words(operation.name)))
    asked = OperationWords(service.name, operation.name, operation.route)
    path = operation.route.partition(" ")[2] or asked.route
    return template.format(
        Service="".join(map(_capital, words)),
        service="_".join(words).lower(),
        Operation=camel,
        operation="_".join(_words(operation.name)),
        method=camel[:1].lower() + camel[1:],
        Store="".join(map(_capital, _words(store))),
        route=f"{asked.method} {path}",
        path=path,
    )


def _words(name: str) -> list[str]:
    return _WORD.findall(name)


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]
