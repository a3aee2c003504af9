"""How each fault spread: the services it reached, by distance from the root, and the steps between them."""

from __future__ import annotations

from typing import Any

import networkx as nx

from meshquake.exporters.page.calls import pairs
from meshquake.exporters.page.sources import Sources

#: Most steps of a mechanism that are drawn: those that most harmed requests took. The key has all of them.
MOST_STEPS = 24


def propagation(sources: Sources) -> list[dict[str, Any]]:
    """Describe the spread of each fault that users felt.

    `services` are ordered by distance and onset, `steps` by onset; `more` counts the steps that are not drawn.
    """
    if sources.truth is None:
        return []
    mesh: nx.Graph[str] = nx.Graph(pairs(sources))
    axis = sources.moments
    found = []
    for fault in sources.truth["faults"]:
        if fault["latent"]:
            continue
        root = fault["root_cause"]["service"]
        away = nx.single_source_shortest_path_length(mesh, root) if root in mesh else {}
        until = _until(fault)
        services = [
            {
                "service": each["service"],
                "distance": away.get(each["service"]),
                "from": axis.seconds(each["onset"]),
                "to": axis.seconds(until.get(each["service"], each["onset"])),
                "requests": each["requests"],
            }
            for each in fault["affected"]
        ]
        services.sort(key=lambda each: (len(away) if each["distance"] is None else each["distance"], each["from"]))
        known = {each["service"] for each in services}
        steps = [step for step in fault["mechanism"] if {step["from"], step["to"]} <= known]
        most = sorted(steps, key=lambda step: -step["requests"])[:MOST_STEPS]
        found.append(
            {
                "fault": fault["id"],
                "root": root,
                "services": services,
                "steps": [
                    {
                        "from": step["from"],
                        "to": step["to"],
                        "mechanism": step["mechanism"],
                        "at": axis.seconds(step["onset"]),
                        "requests": step["requests"],
                        "factor": step.get("factor"),
                        "trace": next((each["trace_id"] for each in step["evidence"]), None),
                    }
                    for step in sorted(most, key=lambda step: str(step["onset"]))
                ],
                "more": len(fault["mechanism"]) - len(most),
            }
        )
    return found


def _until(fault: dict[str, Any]) -> dict[str, str]:
    """Return when the symptoms of each service ended."""
    found: dict[str, str] = {}
    for each in fault["moved"]:
        if each["metric"] in ("error_rate", "latency_p95") and each["until"]:
            found[each["service"]] = max(found.get(each["service"], ""), each["until"])
    return found
