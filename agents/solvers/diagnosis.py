"""What a solver has found, and how it is said in an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import networkx as nx

#: A callee and its caller: failures go from the one to the other.
Edge = tuple[str, str]


@dataclass(frozen=True)
class Diagnosis:
    """What a solver has found.

    Attributes
    ----------
    roots
        Services at fault, likeliest first.
    affected
        Services that were hit.
    edges
        Along which edges it spread.
    evidence
        Citations by what they are for: a service that is a root, or an edge.
    details
        What else is said of a root, by service: kind, indicator.
    """

    roots: Sequence[str]
    affected: Sequence[str] = ()
    edges: Sequence[Edge] = ()
    evidence: Mapping[str | Edge, Sequence[str]] = field(default_factory=dict)
    details: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def answers(found: Diagnosis | None) -> dict[str, Any]:
    """A diagnosis as `answers.json` has it; None says that nothing is wrong."""
    if found is None:
        return {"root_causes": []}

    def cited(what: str | Edge) -> dict[str, Any]:
        return {"evidence": list(found.evidence[what])} if what in found.evidence else {}

    return {
        "root_causes": [{"service": root, **found.details.get(root, {}), **cited(root)} for root in found.roots],
        "affected_services": list(found.affected),
        "propagation": [{"from": edge[0], "to": edge[1], **cited(edge)} for edge in found.edges],
    }


def towards(root: str, calls: Iterable[Edge], among: Iterable[str]) -> list[Edge]:
    """The edges by which failures get from a root to all of some services that call it, or call what does.

    Parameters
    ----------
    root
        Where they come from.
    calls
        Who calls whom: caller and callee.
    among
        The services that they may pass through.
    """
    passed = {root, *among}
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_node(root)
    graph.add_edges_from(sorted((callee, caller) for caller, callee in calls if caller in passed and callee in passed))
    return list(nx.edge_bfs(graph, root))
