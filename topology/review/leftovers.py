"""Keys that services have of another choice than the one that is made."""

from __future__ import annotations

from collections.abc import Iterator

from meshquake.topology.document import Node
from meshquake.topology.loader import LoadedTopology
from meshquake.topology.rollout import ROLLING


def unused(loaded: LoadedTopology) -> Iterator[tuple[Node, str]]:
    """Keys that services have of another choice than the one that is made; defaults are for those whom they fit."""
    for service in loaded.topology.services:
        choices = {
            "queue": ("codel", service.queue.discipline, ("target", "interval", "newest_first")),
            "cpu": ("quota", service.scheduled, ("period", "machine")),
            "rollout": (ROLLING, service.rollout.strategy, ("max_surge", "max_unavailable")),
        }
        for word, (choice, chosen, keys) in choices.items():
            paths = [f"services.{service.name}.{word}.{key}" for key in keys if chosen != choice]
            for path, node in ((path, loaded.document.find(path)) for path in paths):
                if node.path == path:
                    yield node, f"is of {choice}, and this {word} is {chosen}: it does nothing"
