"""Reads a topology file: services, the calls between their operations, the policies of each edge, the users.

The grammar of a block is declared by its type, here and in `topology.spec`, `topology.policies` and
`topology.distributions`. `topology/loading/` adds whatever spans blocks: names that must exist, defaults that lie under
the edges, calls that must come to an end. `docs/topology.md` documents the format for people who write such files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from meshquake.topology import outside
from meshquake.topology.binder import build, settings
from meshquake.topology.document import Document, Node
from meshquake.topology.environment import CALM
from meshquake.topology.keys import key
from meshquake.topology.loading.calls import CallReader
from meshquake.topology.loading.defaults import read_defaults
from meshquake.topology.loading.edges import EdgeReader
from meshquake.topology.loading.environment import EnvironmentReader
from meshquake.topology.loading.limits import refuse_cycles, refuse_giants
from meshquake.topology.loading.names import Names
from meshquake.topology.loading.operations import OperationReader
from meshquake.topology.loading.resets import refuse_resets
from meshquake.topology.loading.services import ServiceReader
from meshquake.topology.loading.telemetry.block import read_telemetry
from meshquake.topology.loading.workload import WorkloadReader
from meshquake.topology.problems import DocumentError, Problem, suggestion
from meshquake.topology.replay import Replay
from meshquake.topology.spec import Room, Topology, Workload
from meshquake.topology.telemetry.block import UNCHANGED

#: The mesh that is used if none is named.
DEFAULT = "ten-services"

#: A section that a file leaves out.
_ABSENT = Node("map", "", 0, 0)


@dataclass(frozen=True)
class MeshFile:
    """The keys at the top of a topology file."""

    name: str = key("text", "name of the mesh")
    services: Any = key("other", "the services by name")
    workload: Any = key("other", "the users, and what they request")
    defaults: Any = key("other", "defaults for services and edges", None)
    edges: Any = key("other", "policies of individual edges, by `caller -> callee`", None)
    cluster: Room | None = key("spec", "capacity of the cluster for all replicas (default: enough)", None, spec=Room)
    environment: Any = key("other", "what the mesh does by itself, with and without faults", None, none=True)
    telemetry: Any = key("other", "what is recorded, and under which names (default: everything, as measured)", None)


@dataclass(frozen=True)
class LoadedTopology:
    """A topology and the document it was read from, so that further remarks can be added by path."""

    topology: Topology
    document: Document


def load(path: str | Path) -> LoadedTopology:
    """Read a topology file.

    Raises
    ------
    topology.problems.DocumentError
        With everything that is wrong with the file.
    """
    return _load(Document.read(path), Path(path).parent, {})


def parse(
    text: str, file: str, folder: Path = Path(), replayed: Mapping[str, Replay] = MappingProxyType({})
) -> LoadedTopology:
    """Read a topology from a text; raises as `load`.

    Parameters
    ----------
    text, file
        The text, and its name in messages.
    folder
        The folder that paths of request files are relative to.
    replayed
        Request files that were scanned before, by their names in the text: they are not read again.
    """
    return _load(Document.parse(text, file), folder, replayed)


def shipped() -> dict[str, Path]:
    """Return the topology files that come with the package, by name."""
    return {path.stem: path for path in sorted((Path(__file__).parent / "meshes").glob("*.yaml"))}


def named(mesh: str | Path) -> Path:
    """Return the file of the shipped mesh with that name; otherwise, `mesh` is itself a path.

    Raises
    ------
    topology.problems.DocumentError
        If it looks like the name of a shipped mesh, but there is neither such a mesh nor such a file.
    """
    meshes, path = shipped(), Path(mesh)
    if str(mesh) not in meshes and not path.suffix and not outside.exists(path):
        message = f"no such file or shipped mesh{suggestion(path.name, meshes)}"
        raise DocumentError([Problem(str(mesh), 0, "", message)])
    return meshes.get(str(mesh), path)


def _load(document: Document, folder: Path, replayed: Mapping[str, Replay]) -> LoadedTopology:
    sections: dict[str, Any] = settings(
        document,
        MeshFile,
        document.root,
        dict.fromkeys(("services", "workload", "defaults", "edges", "environment", "telemetry"), lambda node: node),
    )
    names = Names(document)
    calls = CallReader(document, names)
    service_reader = ServiceReader(document, names, OperationReader(document, names, calls))
    edge_reader = EdgeReader(document, names)
    workload_reader = WorkloadReader(document, names, folder, replayed)
    # The order is ours, not the file's: defaults lie under services, and the rest refers to services by name.
    services_node = sections.get("services", _ABSENT)
    if not services_node.entries:
        # Everything else names services: without any, each name would be one more error.
        service_reader.read(services_node, {})
        document.check()
    defaults_node = sections.get("defaults", _ABSENT)
    defaults = read_defaults(
        document, defaults_node, services_node.entries, service_reader.settings, edge_reader.settings
    )
    services = service_reader.read(services_node, defaults.get("service", {}))
    written = [each for each in calls.written if names.exists(each.node, each.call.service, each.call.operation)]
    edges = edge_reader.read(sections.get("edges", _ABSENT), defaults, written)
    workload = workload_reader.read(sections["workload"], services) if "workload" in sections else Workload()
    room = build(Room, sections["cluster"]) if "cluster" in sections else None
    if room is not None:
        service_reader.check_room(room, services)
    environment, telemetry = CALM, UNCHANGED
    if sections.get("environment") is not None:
        environment = EnvironmentReader(document, services).read(sections["environment"])
    if "telemetry" in sections:
        telemetry = read_telemetry(document, sections["telemetry"], names.known)
    topology = Topology(
        sections.get("name", ""), services, edges, workload, room, environment, telemetry, document.text
    )
    refuse_cycles(document, topology, written)
    document.check()
    refuse_giants(document, topology)
    refuse_resets(document, topology)
    document.check()
    return LoadedTopology(topology, document)
