"""The mesh as Graphviz source, for people who want to lay it out themselves."""

from __future__ import annotations

from meshquake.topology.estimates import call_rates
from meshquake.topology.spec import Topology
from meshquake.topology.units import counted, rate

_SHAPES = {"gateway": "octagon", "service": "box", "cache": "component", "database": "cylinder", "external": "box3d"}


def dot(topology: Topology) -> str:
    """Return the service graph as Graphviz source: kinds as shapes, healthy calls per second on the edges.

    Raises
    ------
    networkx.NetworkXUnfeasible
        If operations call each other in a cycle.
    """
    lines = [
        f"digraph {_quoted(topology.name)} {{",
        "  rankdir=LR;",
        '  node [fontname="Helvetica"];',
        '  edge [fontname="Helvetica", fontsize=10];',
    ]
    for service in topology.services:
        label = f"{service.name}\n{service.replicas} x {counted(service.workers, 'worker')}"
        lines.append(f"  {_quoted(service.name)} [label={_quoted(label)}, shape={_SHAPES[service.kind]}];")
    for (caller, callee), calls in call_rates(topology).items():
        label = rate(calls, digits=2)
        lines.append(f"  {_quoted(caller)} -> {_quoted(callee)} [label={_quoted(label)}];")
    return "\n".join([*lines, "}", ""])


def _quoted(words: str) -> str:
    """Return a quoted string of the dot language, in which only the quote and the backslash are special."""
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
