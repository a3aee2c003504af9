"""What no request reaches."""

from __future__ import annotations

from collections.abc import Iterator

from meshquake.topology.graph import name_of
from meshquake.topology.review.mesh import Finding, Mesh
from meshquake.topology.spec import Call, made


def unreached(mesh: Mesh) -> Iterator[Finding]:
    """Services that no request reaches, and unreached operations of all others."""
    operations = [operation for service in mesh.topology.services for operation in service.operations]
    # What is called only when another call fails is not odd.
    links = (link for operation in operations for call in made(operation.calls) for link in call.on_failure)
    spare = {name_of(link) for link in links if isinstance(link, Call)}
    for service in mesh.topology.services:
        names = {op.name: f"{service.name}.{op.name}" for op in service.operations}
        idle = [name for name, path in names.items() if not mesh.visits[path] and path not in spare]
        if len(idle) == len(service.operations):
            yield f"services.{service.name}", "no request reaches this service"
            continue
        for name in idle:
            yield f"services.{service.name}.operations.{name}", "no request reaches this operation"
