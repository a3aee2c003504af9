"""Reads the `telemetry:` block of a topology or a scenario file."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from meshquake.topology.binder import ByHand, build, settings
from meshquake.topology.document import Document, Node
from meshquake.topology.loading.telemetry.logs import read_logs
from meshquake.topology.loading.telemetry.metrics import MetricsReader
from meshquake.topology.loading.telemetry.traces import check_called, read_traces
from meshquake.topology.telemetry.block import UNCHANGED, Telemetry


def read_telemetry(
    document: Document, node: Node, services: Collection[str], lower: Telemetry = UNCHANGED
) -> Telemetry:
    """Read the block; its errors are reported to the document.

    Parameters
    ----------
    document
        Collects the errors.
    node
        The block.
    services
        The services of the mesh.
    lower
        The block that it will be laid over: the metrics made there may be referred to.
    """
    reader = MetricsReader(document, lower)
    by_hand: ByHand = {
        "metrics": reader.metrics,
        "logs": partial(read_logs, document, services),
        "traces": partial(read_traces, document),
    }
    found = settings(document, Telemetry, node, by_hand)
    if "leave_out" in found and found["leave_out"] is None:
        found["leave_out"] = ()  # differs from leaving the key out: it removes what lies below
    telemetry = build(Telemetry, found) or UNCHANGED
    reader.check_left_out(telemetry, services, node)
    if all(problem.warning for problem in document.problems):
        check_called(document, telemetry.traces.over(lower.traces), node)
        reader.check_names(telemetry, node)
    return telemetry
