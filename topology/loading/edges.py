"""Reads the edges between services."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial, reduce
from typing import Any

from meshquake.topology.binder import Settings, block, build, overlay, settings
from meshquake.topology.distribution_loader import distribution
from meshquake.topology.document import Document, Node
from meshquake.topology.loading.calls import WrittenCall
from meshquake.topology.loading.names import Names
from meshquake.topology.policies import ADDED
from meshquake.topology.problems import suggestion
from meshquake.topology.spec import Edge
from meshquake.topology.units import shown

_NAME = re.compile(r"(\S+)\s*->\s*(\S+)")


class EdgeReader:
    """Reads the edges of a document."""

    def __init__(self, document: Document, names: Names) -> None:
        self._document = document
        self._names = names

    def settings(self, node: Node) -> Settings:
        """Return what a block sets for one edge, or for many."""
        return settings(
            self._document,
            Edge,
            node,
            {"latency": partial(distribution, self._document), "policies": self._added_policies},
        )

    def read(self, node: Node, defaults: Settings, calls: Sequence[WrittenCall]) -> tuple[Edge, ...]:
        """Return an edge for each pair of services that call, in order of first appearance, with defaults applied."""
        pairs = dict.fromkeys((written.service, written.call.service) for written in calls)
        single: dict[tuple[str, str], Settings] = {}
        for name, entry in block(self._document, node).items():
            layer = self.settings(entry)
            pair = self._pair(name, entry, pairs)
            if pair in single:
                self._document.error(entry, "is the same edge as one above")
            elif pair is not None:
                single[pair] = layer
        nothing: Settings = {}
        everywhere, above, below = (defaults.get(word, nothing) for word in ("edge", "edges_from", "edges_to"))
        edges = []
        for caller, callee in pairs:
            # Names are more specific than kinds, and what a callee needs more specific than what a caller does
            # everywhere.
            layers = (
                everywhere,
                above.get(self._names.kinds[caller], nothing),
                below.get(self._names.kinds[callee], nothing),
                above.get(caller, nothing),
                below.get(callee, nothing),
                single.get((caller, callee), nothing),
            )
            found = reduce(partial(overlay, Edge), layers)
            found["policies"] = tuple(
                (word, build(ADDED[word].settings, each))
                for word, each in sorted(found.get("policies", {}).items())
                if each is not None
            )
            edge = build(Edge, found, caller=caller, callee=callee)
            if edge is not None and edge.retry is not None and edge.hedge is not None:
                place = node.entries.get(f"{caller} -> {callee}", node)
                self._document.error(place, f"{caller} -> {callee} has a retry and a hedge: set one to none")
            edges.append(edge)
        return tuple(edge for edge in edges if edge is not None)

    def _added_policies(self, node: Node) -> dict[str, Any]:
        """Return the packages' policies that a block switches on, with their settings, or off (None)."""
        found: dict[str, Any] = {}
        for word, entry in block(self._document, node).items():
            if word not in ADDED:
                self._document.error(entry, f"no installed package has a policy {shown(word)}{suggestion(word, ADDED)}")
            else:
                found[word] = None if entry.is_none else settings(self._document, ADDED[word].settings, entry)
        return found

    def _pair(self, name: str, node: Node, pairs: dict[tuple[str, str], None]) -> tuple[str, str] | None:
        """Return the caller and the callee in the name of an edge; None, and an error, if they don't call."""
        match = _NAME.fullmatch(name)
        if match is None:
            self._document.error(node, f"must be 'caller -> callee', not {shown(name)}")
            return None
        caller, callee = match.groups()
        for service in (caller, callee):
            if service not in self._names.known:
                self._document.error(
                    node, f"there is no service {shown(service)}{suggestion(service, self._names.known)}"
                )
                return None
        if (caller, callee) not in pairs:
            others = ", ".join(other for one, other in pairs if one == caller)
            self._document.error(node, f"{caller} does not call {callee}; it calls {others or 'nothing'}")
            return None
        return caller, callee
