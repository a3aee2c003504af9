"""The column of each service, callers to the left of those they call.

Where services use each other in a cycle, some calls have to lead back. They are chosen by the heuristic of Eades, Lin
and Smyth ("A fast and effective heuristic for the feedback arc set problem", 1993); users come in from the left, so
services that they use come first.
"""

from __future__ import annotations

from collections.abc import Collection

import networkx as nx

Pair = tuple[str, str]


def ranks(graph: nx.DiGraph[str], entries: Collection[str]) -> tuple[dict[str, int], frozenset[Pair]]:
    """Return columns for services, and the calls against the flow.

    A service stands in the column after that of its last caller. One that calls more services than call it is then
    moved as far to the right as its callees allow, unless it is an entry.

    Parameters
    ----------
    graph
        Services, with an edge from each caller to each callee.
    entries
        Services that users use.

    Returns
    -------
    tuple
        The column of each service from 0, in the order of the graph, and the edges that lead from a column to one
        further left. For all other edges, the caller's column is left of the callee's, except for calls of a service to
        itself.
    """
    back = frozenset(_against(graph, entries))
    flow: nx.DiGraph[str] = nx.DiGraph()
    flow.add_nodes_from(graph)
    flow.add_edges_from((b, a) if (a, b) in back else (a, b) for a, b in graph.edges if a != b)
    rank: dict[str, int] = {}
    for node in nx.topological_sort(flow):
        rank[node] = max((rank[caller] + 1 for caller in flow.predecessors(node)), default=0)
    for node in reversed(list(nx.topological_sort(flow))):
        if node not in entries and flow.out_degree(node) > flow.in_degree(node):
            rank[node] = min(rank[callee] for callee in flow.successors(node)) - 1
    return {node: rank[node] for node in graph}, back


def _against(graph: nx.DiGraph[str], entries: Collection[str]) -> list[Pair]:
    """Return edges without which there are no cycles of calls, except of a service to itself."""
    position = {node: place for place, node in enumerate(graph)}
    found: list[Pair] = []
    for knot in nx.strongly_connected_components(graph):
        if len(knot) > 1:
            members = sorted(knot, key=position.__getitem__)
            place = {node: index for index, node in enumerate(_sequence(graph, members, entries))}
            found += [(a, b) for a in members for b in graph[a] if b in place and place[b] < place[a]]
    return found


def _sequence(graph: nx.DiGraph[str], members: list[str], entries: Collection[str]) -> list[str]:
    """Return services that all reach each other, in an order that few edges lead against."""
    left = dict.fromkeys(members)
    begin: list[str] = []
    end: list[str] = []

    def calls(node: str) -> int:
        return sum(other in left and other != node for other in graph[node])

    def callers(node: str) -> int:
        return sum(other in left and other != node for other in graph.predecessors(node))

    while left:
        if (last := next((node for node in left if not calls(node)), None)) is not None:
            end.append(last)
            del left[last]
            continue
        chosen = next((node for node in left if not callers(node)), None)
        if chosen is None:
            chosen = max(left, key=lambda node: (node in entries, calls(node) - callers(node)))
        begin.append(chosen)
        del left[chosen]
    return begin + end[::-1]
