"""The internal spans that instrumentation creates in a service, by the service's stack (`inside.yaml`)."""

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
#: Words in a service's name that carry no meaning.
_IDLE = ("service", "svc", "server")


@dataclass(frozen=True)
class Piece:
    """A span within an operation's own work: its name, and the share of that work that it takes on average."""

    name: str
    share: float


@dataclass(frozen=True)
class Instrumentation:
    """The spans inside a server span; names are templates, empty for spans that it lacks. See `inside.yaml`."""

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
        """The share of the work outside all pieces."""
        return 1.0 - sum(piece.share for piece in (*self.before, *self.inside, *self.after))


@cache
def instrumentations() -> Mapping[str, Instrumentation]:
    """Return the instrumentation of all stacks, by the stack's name."""
    return {name: _read(entry) for name, entry in packaged("meshquake.sim.telemetry.spans", "inside.yaml").items()}


def _read(entry: dict[str, Any]) -> Instrumentation:
    pieces: dict[str, Any] = {
        key: tuple(Piece(each["name"], parse_ratio(each["share"])) for each in value)
        for key, value in entry.items()
        if isinstance(value, list)
    }
    return Instrumentation(**(entry | pieces))


def instrumentation(service: Service) -> Instrumentation | None:
    """Return the instrumentation of a service; None if it has no internal spans."""
    stack = service.built_with
    return None if stack is None or not service.internal_spans else instrumentations().get(stack.name)


def named(template: str, service: Service, operation: Operation, store: str = "") -> str:
    """Fill in the name of a span, for an operation of a service or for its call of an operation of a `store`."""
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
