"""The findings of a solver, and their form as an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import networkx as nx

#: A callee and its caller: failures spread from the first to the second.
Edge = tuple[str, str]


@dataclass(frozen=True)
class Diagnosis:
    """The findings of a solver.

    Attributes
    ----------
    roots
        Services at fault, most likely first.
    affected
        Affected services.
    edges
        The edges along which the failure spread.
    evidence
        Citations, by the claim they support: a root service or an edge.
    details
        Further claims about a root, by service: kind, indicator.
    """

    roots: Sequence[str]
    affected: Sequence[str] = ()
    edges: Sequence[Edge] = ()
    evidence: Mapping[str | Edge, Sequence[str]] = field(default_factory=dict)
    details: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def answers(found: Diagnosis | None) -> dict[str, Any]:
    """Convert a diagnosis to the format of `answers.json`; None means that nothing is wrong."""
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
    """Return the edges along which failures spread from a root to its direct and indirect callers.

    Parameters
    ----------
    root
        The service that the failures start from.
    calls
        The calls, as caller and callee.
    among
        The services that failures may pass through.
    """
    passed = {root, *among}
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_node(root)
    graph.add_edges_from(sorted((callee, caller) for caller, callee in calls if caller in passed and callee in passed))
    return list(nx.edge_bfs(graph, root))
