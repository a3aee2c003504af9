"""The initial content of the page: the mesh, what can be done to it, and empty series."""

from __future__ import annotations

from typing import Any

from meshquake.exporters.live.described import described
from meshquake.exporters.page.mesh import mesh
from meshquake.exporters.page.series import SHOWN
from meshquake.exporters.page.users import QUANTILES
from meshquake.sim.live.second import OF_EDGES
from meshquake.sim.live.session import REMEMBERED, Session
from meshquake.sim.telemetry.metrics import METRICS
from meshquake.topology.spec import Topology


def content(session: Session) -> dict[str, Any]:
    """Return the initial data of the page, shaped like those of a report, with empty series.

    New seconds are appended to the series, and the page keeps as many of them as are remembered here.
    """
    topology, simulation = session.simulation.topology, session.simulation
    axis = {
        "start": simulation.start.isoformat(timespec="microseconds"),
        "from": 0.0,
        "length": simulation.scenario.length,
        "step": 1.0,
        "count": 0,
    }
    drawn = mesh(topology, [(edge.caller, edge.callee) for edge in topology.edges])
    told = described(topology)
    return {
        "live": True,
        "title": f"{topology.name}, live",
        "keeps": REMEMBERED,
        "axis": axis,
        "mesh": drawn,
        "metrics": SHOWN,
        "runs": [_run(topology)],
        "words": [],
        "faults": [],
        "background": [],
        "alerts": [],
        "events": {"found": [], "more": 0},
        "parts": {service["name"]: service for service in told["services"]},
        "kinds": {"fault": told["faults"], "action": told["actions"]},
        **{word: told[word] for word in ("settings", "of_services", "of_edges")},
    }


def _run(topology: Topology) -> dict[str, Any]:
    pooled = {edge.caller for edge in topology.edges if edge.pool is not None}
    return {
        "users": {
            "fact": {word: [] for word in ("requests", "failed", *QUANTILES)},
            "twin": None,
            "harmed": None,
        },
        "series": {
            service.name: {
                **{
                    metric: {"unit": METRICS[metric].unit, "high": []}
                    for metric in SHOWN
                    if metric != "pool_in_use" or service.name in pooled
                },
                **{word: {"unit": "replicas", "high": []} for word in ("ready", "replicas")},
            }
            for service in topology.services
        },
        "traces": [],
        "calls": [
            {"caller": edge.caller, "callee": edge.callee, **{word: [] for word in OF_EDGES}} for edge in topology.edges
        ],
    }
