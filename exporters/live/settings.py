"""The current settings of a service or an edge, in the words of a topology file."""

from __future__ import annotations

from collections.abc import Iterable

from meshquake.exporters.live.steering import Refused
from meshquake.faults.change import immovable, text
from meshquake.sim.mesh import Mesh
from meshquake.topology.binder import keys_of
from meshquake.topology.problems import suggestion
from meshquake.topology.spec import Edge, Service
from meshquake.topology.units import shown

#: Resources of a service, shown besides the settings that may change.
_MADE_OF = ("workers", "cpu", "memory")


def settings(mesh: Mesh, service: str, callee: str | None = None) -> dict[str, str]:
    """Return the settings that may change, with `none` for those that are off, and the resources of a service.

    Parameters
    ----------
    mesh
        The running mesh.
    service
        The service, or the caller of the edge.
    callee
        The callee of the edge; None for the settings of the service itself.

    Raises
    ------
    Refused
        If there is no such service or edge.
    """
    if service not in mesh.services:
        raise Refused(f"no service {shown(service)}{suggestion(service, mesh.services)}")
    running = mesh.services[service]
    if callee is None:
        own = {"replicas": str(sum(deployment.desired for deployment in running.deployments))}
        changed = [word for word in keys_of(Service) if not immovable(Service, word)]
        return own | _texts(running.spec, (*_MADE_OF, *changed))
    if callee not in running.edges:
        raise Refused(f"{service} does not call {shown(callee)}{suggestion(callee, running.edges)}")
    return _texts(running.edges[callee].spec, [word for word in keys_of(Edge) if not immovable(Edge, word)])


def _texts(spec: Service | Edge, words: Iterable[str]) -> dict[str, str]:
    keys = keys_of(type(spec))
    return {word: text(keys[word].grammar, getattr(spec, keys[word].field), defaults=True) for word in words}
