"""Keys that have no effect because of another choice made beside them."""

from __future__ import annotations

from collections.abc import Iterator

from meshquake.topology.document import Node
from meshquake.topology.loader import LoadedTopology
from meshquake.topology.rollout import BLUE_GREEN, ROLLING
from meshquake.topology.spec import Service
from meshquake.topology.users import Population


def unused(loaded: LoadedTopology) -> Iterator[tuple[Node, str]]:
    """Keys without effect that services and populations set themselves; defaults need not fit everything."""
    document = loaded.document
    found = [(f"services.{each.name}", _of_service(each)) for each in loaded.topology.services]
    found += [
        (f"workload.populations.{each.name}", _of_population(each)) for each in loaded.topology.workload.populations
    ]
    for path, keys in found:
        for key, reason in keys:
            node = document.find(f"{path}.{key}")
            if node.path == f"{path}.{key}":
                yield node, f"{reason}: it does nothing"


def _of_service(service: Service) -> Iterator[tuple[str, str]]:
    """Yield the keys that belong to a choice that was not made, with the reason."""
    choices = (
        ("queue", "codel", service.queue.discipline, ("target", "interval", "newest_first")),
        ("cpu", "quota", service.scheduled, ("period", "machine")),
        ("rollout", ROLLING, service.rollout.strategy, ("max_surge", "max_unavailable")),
        ("rollout", BLUE_GREEN, service.rollout.strategy, ("keep",)),
    )
    for word, choice, chosen, keys in choices:
        if chosen != choice:
            yield from ((f"{word}.{key}", f"applies only to {choice}, but this {word} is {chosen}") for key in keys)


def _of_population(population: Population) -> Iterator[tuple[str, str]]:
    """Yield the keys about things that the users of a population never do, with the reason."""
    if not population.retry:
        yield "retry_after", "applies only to users who retry, but retry is 0%"
        if not population.reload:
            yield "tries", "applies only to users who retry or reload, but both are 0%"
    if population.users is None and not population.returns:
        yield "away", "applies only to users who come back, but returns is 0%"
        if not population.journey:
            yield "think_time", "applies only to users who send several requests, but these send one"
