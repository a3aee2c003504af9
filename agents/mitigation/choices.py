"""The possible remedies in a mesh as a list, for agents that choose by number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from meshquake.topology.spec import Topology


@dataclass(frozen=True)
class Choice:
    """A remedy with its arguments, or `wait` to do nothing."""

    remedy: str
    arguments: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.remedy}({', '.join(f'{word}={value!r}' for word, value in self.arguments.items())})"


#: The choice to do nothing.
WAIT = Choice("wait")


def choices(topology: Topology) -> tuple[Choice, ...]:
    """List the possible remedies in a mesh, `wait` first, in an order that depends on the mesh alone.

    Changes of settings are limited to common ones: no retries on an edge, its timeout halved or doubled, and half of
    the users turned away. For others, write a list of your own.
    """
    return (WAIT, *_of_services(topology), *_of_edges(topology), *_of_users(topology))


def _of_services(topology: Topology) -> Iterator[Choice]:
    for service in topology.services:
        name, versions = service.name, [version.name for version in service.versions]
        yield Choice("toggle_flag", {"target": name})
        yield Choice("restart", {"target": name})
        sizes = {version.name: version.replicas for version in service.versions} or {"": service.replicas}
        for version, size in sizes.items():
            deployment = {"deployment": version} if version else {}
            yield Choice("roll_back", {"target": name, **deployment})
            yield Choice("scale", {"target": name, "replicas": 2 * size, **deployment})
        replicas = len(service.versions_at_first)
        for index in range(replicas if replicas > 1 else 0):
            yield Choice("drain", {"target": f"{name}[{index}]"})
        if service.weighted:
            for one in versions:
                for other in versions:
                    if one != other:
                        yield Choice("shift_traffic", {"target": name, "to_version": one, "from_version": other})


def _of_edges(topology: Topology) -> Iterator[Choice]:
    for edge in topology.edges:
        target = f"{edge.caller} -> {edge.callee}"
        yield Choice("toggle_flag", {"target": target})
        if edge.retry is not None:
            yield Choice("set_policy", {"target": target, "settings": {"retry": "none"}})
        if edge.timeout is not None:
            for factor in (0.5, 2.0):
                timeout = f"{edge.timeout * factor * 1000:g}ms"
                yield Choice("set_policy", {"target": target, "settings": {"timeout": timeout}})


def _of_users(topology: Topology) -> Iterator[Choice]:
    for name in dict.fromkeys(entry.service for entry in topology.workload.mix):
        tokens = max(1, round(topology.workload.rate / 2 / topology.service(name).replicas))
        limit = {"max_tokens": tokens, "tokens_per_fill": tokens, "fill_interval": "1s"}
        yield Choice("set_policy", {"target": name, "settings": {"rate_limit": limit}})
