"""The services at fault, and which of them the names in an answer refer to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from meshquake.sim.telemetry.metrics import signal

#: Details of a root cause that an answer may give besides its service.
DETAILS = ("kind", "indicator", "operation", "replica")


@dataclass(frozen=True)
class Root:
    """A service at fault, however many of its faults there are.

    `services` are the names that refer to it in an answer; `words` has the right values of each detail.
    """

    name: str
    services: frozenset[str]
    words: Mapping[str, frozenset[str]]


def roots_of(faults: Iterable[Mapping[str, Any]]) -> list[Root]:
    """The services at fault, in order of their first faults."""
    grouped: dict[str, list[Mapping[str, Any]]] = {}
    for fault in faults:
        grouped.setdefault(fault["root_cause"]["service"], []).append(fault)
    return [_root(name, group) for name, group in grouped.items()]


def _root(name: str, faults: Iterable[Mapping[str, Any]]) -> Root:
    services, words = {name}, {detail: set[str]() for detail in DETAILS}
    for fault in faults:
        cause, targets = fault["root_cause"], fault.get("targets", [fault["target"]])
        services.update(cause["aliases"]["services"])
        words["kind"].add(fault["kind"])
        words["indicator"].update(map(signal, [cause["indicator"], *cause["aliases"]["indicators"]]))
        for detail in ("operation", "replica"):
            words[detail].update(target[detail] for target in targets if target[detail])
    return Root(name, frozenset(services), {detail: frozenset(right) for detail, right in words.items()})


def found_by(services: Iterable[str], roots: Sequence[Root], ignored: AbstractSet[str]) -> dict[str, Root | None]:
    """The guesses of a ranking that count, and what each finds.

    Another name for a root already found does not count as a guess, nor does a service with only a latent fault.
    """
    found: dict[str, Root | None] = {}
    for service in dict.fromkeys(services):
        named = meant(service, roots)
        unfound = [root for root in named if root not in found.values()]
        if unfound:
            found[service] = unfound[0]
        elif not named and service not in ignored:
            found[service] = None
    return found


def meant(service: str, roots: Sequence[Root]) -> list[Root]:
    """The roots that a service name refers to; the root of that name comes before others that it also refers to."""
    return sorted((root for root in roots if service in root.services), key=lambda root: root.name != service)
