"""Marks on the time axis and in the mesh: faults, harmless background, events, and alerts of the key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from meshquake.exporters.page.axis import Axis
from meshquake.exporters.page.sources import Sources
from meshquake.exporters.reports.explain import target_of
from meshquake.topology.spec import Topology

#: Most events on a page; beyond that, the first of each type and service are kept.
MOST_EVENTS = 1_500


def faults(sources: Sources) -> list[dict[str, Any]]:
    """List the faults of the key: when each acted, on which services and edges, and when users felt it."""
    if sources.truth is None:
        return []
    axis = sources.moments
    found = []
    for fault in sources.truth["faults"]:
        felt = fault["user_facing"]["since"]
        found.append(
            {
                "id": fault["id"],
                "kind": fault["kind"],
                "on": target_of(fault),
                "from": axis.seconds(fault["start"]),
                "to": axis.seconds(fault["end"]),
                "felt": None if felt is None else axis.seconds(felt),
                "recovered": None if fault["recovered"] is None else axis.seconds(fault["recovered"]),
                "latent": fault["latent"],
                "root": fault["root_cause"]["service"],
                **_places(fault.get("targets", [fault["target"]])),
            }
        )
    return found


def _places(targets: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Collect the services and edges that a fault acts on."""
    edges = [[each["edge"]["caller"], each["edge"]["callee"]] for each in targets if each["edge"]]
    services = [each["service"] for each in targets if each["service"] and not each["edge"]]
    return {"services": list(dict.fromkeys(services)), "edges": edges}


def background(sources: Sources) -> list[dict[str, Any]]:
    """List background activity that is no fault, with the service or edge that it happened to, if any."""
    if sources.truth is None:
        return []
    axis = sources.moments
    return [
        {
            "kind": each["kind"],
            "on": each["target"],
            "from": axis.seconds(each["start"]),
            "to": axis.seconds(each["end"]),
            **_place(each["target"], sources.topology),
        }
        for each in sources.truth["background"]
    ]


def _place(target: str, topology: Topology) -> dict[str, Any]:
    """Find the service or edge of a target as scenario files name it: a service, replica, operation or edge."""
    caller, arrow, callee = (part.strip() for part in target.partition("->"))
    if arrow:
        return {"services": [], "edges": [[caller, callee]]}
    name = next((each.name for each in topology.services if target == each.name or _part_of(target, each.name)), None)
    return {"services": [] if name is None else [name], "edges": []}


def _part_of(target: str, service: str) -> bool:
    return target.startswith((f"{service}[", f"{service}."))


def alerts(sources: Sources) -> list[dict[str, Any]]:
    """List the alerts that the key expects: what should fire, for what, and when at the earliest."""
    if sources.truth is None:
        return []
    axis = sources.moments
    return [
        {
            "at": axis.seconds(alert["earliest"]),
            "type": alert["type"],
            "indicator": alert["indicator"],
            "of": alert["entry"]
            or (f"{alert['service']} -> {alert['target']}" if alert["target"] else alert["service"]),
            "service": alert["service"] or (alert["entry"] or "").partition(".")[0],
        }
        for fault in sources.truth["faults"]
        for alert in fault["alerts"]
    ]


def events(sources: Sources) -> dict[str, Any]:
    """Return the events on the page, and how many are left out."""
    axis, rows = sources.moments, sources.events
    kept = rows
    if len(rows) > MOST_EVENTS:
        each = max(1, MOST_EVENTS // max(1, rows.select("type", "service").n_unique()))
        kept = rows.group_by("type", "service", maintain_order=True).head(each).sort("timestamp")[:MOST_EVENTS]
    columns = ("timestamp", "type", "service", "details", "severity", "replica", "attributes")
    found = [
        {
            "at": _at(axis, row["timestamp"]),
            **{key: row[key] for key in columns[1:6]},
            "target": json.loads(row["attributes"] or "{}").get("target"),
        }
        for row in kept.select(columns).to_dicts()
    ]
    return {"found": found, "more": len(rows) - len(kept)}


def _at(axis: Axis, moment: str) -> float:
    return round(axis.seconds(moment), 6)
