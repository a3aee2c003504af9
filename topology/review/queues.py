"""Queue disciplines that change nothing."""

from __future__ import annotations

from collections.abc import Iterator

from meshquake.topology.graph import chain
from meshquake.topology.review.mesh import Finding, Mesh
from meshquake.topology.spec import made
from meshquake.topology.units import duration


def indifferent(mesh: Mesh) -> Iterator[Finding]:
    """Queues in which the order makes no difference."""
    critical = list(_critical(mesh))
    for service in mesh.topology.services:
        queue, path = service.queue, f"services.{service.name}.queue"
        if queue.discipline == "fifo":
            continue
        if not queue.limit:
            yield path, f"{queue.discipline} does nothing: nothing waits in a queue of 0"
        elif queue.discipline == "codel" and queue.target >= queue.interval:
            target, interval = duration(queue.target), duration(queue.interval)
            yield (
                path,
                f"a standing queue makes no difference: its target of {target} is not below its interval of {interval}",
            )
        elif queue.discipline == "priority" and not critical:
            yield path, "priority does nothing: no request has a criticality"
    if critical and all(service.queue.discipline != "priority" for service in mesh.topology.services):
        yield critical[0], "its criticality does nothing: no queue has the discipline priority"


def _critical(mesh: Mesh) -> Iterator[str]:
    """Yield operations that have a criticality, or whose calls do."""
    for service in mesh.topology.services:
        for operation in service.operations:
            calls = [link for call in made(operation.calls) for link, _ in chain(call)]
            if operation.criticality is not None or any(call.criticality is not None for call in calls):
                yield f"services.{service.name}.operations.{operation.name}"
