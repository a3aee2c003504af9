"""Events: what the platform and its operators did, and what happened to replicas, breakers and pools."""

from __future__ import annotations

import json

import polars as pl

from meshquake.agents.answer import Answer, Row
from meshquake.agents.telemetry import View
from meshquake.agents.tools.tool import PAGED, SERVICE, SINCE, UNTIL, Arguments, Tool, paged
from meshquake.agents.tools.window import when, within
from meshquake.sim.records import EVENT, EVENTS
from meshquake.topology.json_schema import choice, flag
from meshquake.truth.way.citation import event_id


def _list_events(view: View, arguments: Arguments) -> Answer:
    """List events in order of time."""
    found = view.events.filter(within(view, arguments))
    for column in ("service", "type", "severity"):
        if column in arguments:
            found = found.filter(pl.col(column) == arguments[column])
    counts = dict(found["type"].value_counts().sort("type").iter_rows())
    if arguments.get("newest", False):
        found = found.reverse()
    wanted = paged(arguments)
    rows = [
        Row(
            (
                *(event_id(event["n"]), *when(view, event["at"]), event["type"], event["service"], event["replica"]),
                *(event["severity"], event["version"], event["details"], json.loads(event["attributes"])),
            ),
            [event_id(event["n"])],
        )
        for event in found[wanted].iter_rows(named=True)
    ]
    columns = ("id", "at_s", "time", "type", "service", "replica", "severity", "version", "details", "attributes")
    return Answer({"types": counts}, columns, rows, len(found), wanted.start, "service, type, since and until")


_SEVERITIES = next(column.choices for column in EVENT.columns if column.name == "severity")
TOOLS = (
    Tool(
        "list_events",
        "What was done to the mesh and what happened in it, in order of time: deployments, changed settings, jobs, "
        "scaling, restarts, failed probes, breakers and pools.",
        _list_events,
        optional={
            "service": SERVICE,
            "type": choice("only events of this type", [*EVENTS]) | {"type": "string"},
            "severity": choice("only events of this severity", _SEVERITIES) | {"type": "string"},
            "since": SINCE,
            "until": UNTIL,
            "newest": flag("whether the newest come first; default: false"),
            **PAGED,
        },
        needs=EVENT.name,
    ),
)
