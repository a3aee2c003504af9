"""How a fault spread: OpenRCA 2.0's `causal_graph.json`, from the mechanism in the answer key.

Nodes are services (`service|NAME`) and the operations whose users felt the fault (`span|SERVICE::NAME`). An edge leads
from the service where an effect came from to the one that it reached. Steps within a service make no edges.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from meshquake.exporters.formats.openrca2.injection import chaos_type
from meshquake.exporters.formats.semconv import span_name
from meshquake.topology.spec import Topology

#: The state of a service that a symptom indicates, by the prefix of its metric; the first match counts.
_STATES = (
    ("replicas_ready", "unavailable"),
    ("pod_ready", "unavailable"),
    ("error_rate", "erroring"),
    ("latency", "slow"),
    ("query_time", "slow"),
)


def causal_graph(faults: Iterable[Mapping[str, Any]], name: str, topology: Topology) -> str:
    """Return the text of `causal_graph.json`.

    Parameters
    ----------
    faults
        The faults of an answer key that broke a promise to users, in order of start.
    name
        The name of the case.
    topology
        The mesh.
    """
    graph = _Graph(topology)
    for fault in faults:
        graph.add(fault)
    return json.dumps(graph.content(name), indent=2, ensure_ascii=False) + "\n"


class _Graph:
    """Collects distinct nodes and edges, in order of first appearance."""

    def __init__(self, topology: Topology) -> None:
        self._entries = {
            f"{service.name}.{operation.name}": (service.name, span_name(service, operation))
            for service in topology.services
            for operation in service.operations
        }
        self._nodes: dict[str, dict[str, Any]] = {}
        self._edges: dict[tuple[str, str], None] = {}
        self._roots: list[dict[str, Any]] = []
        self._alarms: dict[str, dict[str, Any]] = {}
        self._of: dict[str, str] = {}
        self._kinds: list[str] = []

    def add(self, fault: Mapping[str, Any]) -> None:
        """Add the effects of a fault."""
        root, kind = fault["root_cause"]["service"], chaos_type(fault)
        self._kinds.append(kind)
        affected = {each["service"]: each for each in fault["affected"]}
        steps = fault["mechanism"]
        # The root is added too, since the mechanism may have no step from it.
        for service in dict.fromkeys([root, *(end for step in steps for end in (step["from"], step["to"]))]):
            self._service(service, affected.get(service), fault["start"])
        self._roots.append({**self._nodes[f"service|{root}"], "fault_type": kind})
        for step in steps:
            if step["from"] != step["to"]:
                self._edges[f"service|{step['from']}", f"service|{step['to']}"] = None
        for entry in fault["blast_radius"]["entries"]:
            if entry["harmed"]:
                self._alarm(entry["entry"], fault)

    def _service(self, service: str, found: Mapping[str, Any] | None, start: str) -> None:
        self._node(
            f"service|{service}", service, _states(found["peak"] if found else ()), found["onset"] if found else start
        )

    def _node(self, component: str, service: str, states: list[str], since: str) -> dict[str, Any]:
        at = _nanoseconds(since)
        known = self._nodes.setdefault(component, {"timestamp": at, "component": component, "state": []})
        known["timestamp"] = min(known["timestamp"], at)
        known["state"] = sorted({*known["state"], *states})
        self._of[component] = service
        return known

    def _alarm(self, entry: str, fault: Mapping[str, Any]) -> None:
        service, name = self._entries[entry]
        component = f"span|{service}::{name}"
        since = fault["user_facing"]["since"] or fault["start"]
        self._service(service, next((each for each in fault["affected"] if each["service"] == service), None), since)
        states = self._nodes[f"service|{service}"]["state"]
        self._alarms[component] = self._node(component, service, states, since)
        self._edges[f"service|{service}", component] = None

    def content(self, name: str) -> dict[str, Any]:
        return {
            "case_name": name,
            "fault_type": self._kinds[0] if len(self._kinds) == 1 else "hybrid",
            "fault_types": self._kinds,
            "nodes": [*self._nodes.values()],
            "edges": [{"source": source, "target": target} for source, target in self._edges],
            "root_causes": self._roots,
            "alarm_nodes": [*self._alarms.values()],
            "component_to_service": self._of,
        }


def _states(symptoms: Iterable[str]) -> list[str]:
    found = {state for symptom in symptoms for start, state in _STATES if symptom.startswith(start)}
    return sorted(found) or ["degraded"]


def _nanoseconds(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1e6) * 1000
