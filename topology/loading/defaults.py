"""Reads the defaults of a topology file, which lie under its services and edges."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from meshquake.topology.binder import ByHand, Settings, block, settings
from meshquake.topology.document import Document, Node
from meshquake.topology.keys import key
from meshquake.topology.problems import suggestion
from meshquake.topology.spec import SERVICE_KINDS
from meshquake.topology.units import shown


@dataclass(frozen=True)
class Defaults:
    """The defaults of a file's services and edges."""

    service: Any = key("other", "keys for every service", None)
    edge: Any = key("other", "keys for every edge", None)
    edges_from: Any = key(
        "other", "keys for the edges from a kind of service or from one service, by kind or name", None
    )
    edges_to: Any = key("other", "keys for the edges to a kind of service or to one service, by kind or name", None)


def read_defaults(
    document: Document,
    node: Node,
    services: Iterable[str],
    of_service: Callable[[Node], Settings],
    of_edge: Callable[[Node], Settings],
) -> Settings:
    """Read the defaults of a section.

    Parameters
    ----------
    document
        Collects the errors.
    node
        The section.
    services
        The services that edges may lead from and to; kinds of services are allowed too.
    of_service, of_edge
        Read what a block sets for services, and for edges.
    """
    ends = dict.fromkeys((*SERVICE_KINDS, *services))

    def by_end(node: Node) -> dict[str, Settings]:
        layers: dict[str, Settings] = {}
        for name, entry in block(document, node).items():
            if name not in ends:
                message = f"{shown(name)} is neither a kind of service nor a service{suggestion(name, ends)}"
                document.error(entry, message)
            layers[name] = of_edge(entry)
        return layers

    by_hand: ByHand = {
        "service": of_service,
        "edge": of_edge,
        "edges_from": by_end,
        "edges_to": by_end,
    }
    return settings(document, Defaults, node, by_hand)
