"""The mesh as lookup tables: names and positions that turn rows of numbers into records."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from meshquake.sim.telemetry import timestamps
from meshquake.sim.telemetry.hosts.messages import Medians
from meshquake.sim.telemetry.hosts.pods import pod, pod_address
from meshquake.sim.telemetry.logs.callees import callee
from meshquake.sim.telemetry.logs.catalogue import Voice
from meshquake.sim.telemetry.requests.operation_words import changes
from meshquake.sim.telemetry.texts import names
from meshquake.topology.addresses import address
from meshquake.topology.errors import ERRORS
from meshquake.topology.placement import Placement

if TYPE_CHECKING:
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.mesh import Mesh

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: `error_type` and HTTP status by outcome code; 0 is a success.
ERROR_NAMES: list[str | None] = [None, *ERRORS]
STATUS_CODES = np.array([200, *(error.status for error in ERRORS.values())], dtype=np.int64)


def microseconds(times: Floats) -> Ints:
    """Convert simulated seconds to whole microseconds, rounded down.

    Rounding down keeps a moment on its side of a sampling instant, so figures computed from records equal those of the
    metrics. The added billionth of a second absorbs the rounding error of decimal instants such as 0.3.
    """
    result: Ints = np.floor(times * 1e6 + 1e-3).astype(np.int64)
    return result


def rank(replica: Replica) -> int:
    """Return a number that identifies a replica as its name does, and sorts by service, then index."""
    return replica.service.index << 32 | replica.index


class Tables:
    """Lookup tables of a mesh. `start` is the wall time of simulated time 0."""

    def __init__(self, mesh: Mesh, start: datetime) -> None:
        self._mesh = mesh
        self.origin = round(start.astimezone(UTC).timestamp() * 1_000_000)
        services = list(mesh.services.values())
        self.services = [service.spec.name for service in services]
        self.service_names = names(self.services)
        self.kinds = [service.spec.kind for service in services]
        #: The wording of each service's log lines.
        self.voices = [Voice.of(service.spec) for service in services]
        self.callees = [callee(service.spec) for service in services]
        self.workers = np.array([service.spec.workers for service in services], dtype=np.int64)
        self.queue_limit = np.array([service.spec.queue.limit for service in services], dtype=np.int64)
        #: By edge, whether a deadline may end a call before the edge's own timeout.
        self.has_deadline = np.array(
            [link.spec.overall_timeout is not None or link.spec.inherit_deadline for link in mesh.edges], dtype=bool
        )
        #: Timeout of each edge in milliseconds, as text; "no" where there is none.
        self.timeouts_ms = names(f"{link.spec.timeout * 1000:g}" if link.spec.timeout else "no" for link in mesh.edges)
        #: Names of all operations of the mesh, service by service.
        self.operations = names(name for service in services for name in service.operations)
        #: The same as `SERVICE.OPERATION`.
        self.service_operations = names(
            f"{service.spec.name}.{name}" for service in services for name in service.operations
        )
        self.seed = mesh.seed
        first = np.cumsum([0, *(len(service.operations) for service in services)])
        sites = mesh.sites
        self.site_service = np.array([site.service.index for site in sites], dtype=np.int64)
        self.site_operation = np.array([first[site.service.index] + site.operation for site in sites], dtype=np.int64)
        self.site_parent = np.array([site.parent.index if site.parent else -1 for site in sites], dtype=np.int64)
        depth: list[int] = []
        for site in sites:
            depth.append(depth[site.parent.index] + 1 if site.parent else 0)
        #: Number of calls from the entry to each site.
        self.site_depth = np.array(depth, dtype=np.int64)
        self.site_entry = np.array([site.entry for site in sites], dtype=np.int64)
        self.site_address = np.array([site.address % 2**64 for site in sites], dtype=np.uint64)
        self.medians = Medians.of(sites)
        specs = [(site.service.spec, site.service.spec.operations[site.operation]) for site in sites]
        #: Whether the operation is a database's, and whether it changes data there.
        self.site_keeps = np.array([service.kind == "database" for service, _ in specs], dtype=np.bool_)
        self.site_changes = self.site_keeps & np.array([changes(*spec) for spec in specs], dtype=np.bool_)
        position = {link: index for index, link in enumerate(mesh.edges)}
        #: Edge of the call that leads to each site; -1 at an entry.
        self.site_edge = np.array([position[site.edge] if site.edge else -1 for site in sites], dtype=np.int64)
        entries = [f"{root.service.spec.name}.{list(root.service.operations)[root.operation]}" for root in mesh.roots]
        self.entry_high = np.array([address(mesh.seed, "trace", name) % 2**64 for name in entries], dtype=np.uint64)
        self.entry_low = np.array([address(mesh.seed, "trace", name) >> 64 for name in entries], dtype=np.uint64)
        self.placement = Placement(mesh.topology)
        self._incarnations = -1

    def refresh(self, count: int) -> None:
        """Add the processes that started since the last call; there are `count` now."""
        if count == self._incarnations:
            return
        self._incarnations = count
        incarnations = self._mesh.incarnations[:count]
        self.incarnation_rank = np.array([rank(replica) for replica, _ in incarnations] + [-1], dtype=np.int64)
        self.replica_names: pl.Series = names([replica.name for replica, _ in incarnations] + [None])
        self.versions: pl.Series = names([version for _, version in incarnations] + [None])
        #: The pod and the node that each process runs on, and the pod's address.
        self.pods: pl.Series = names(
            [pod(self._mesh.seed, replica, version) for replica, version in incarnations] + [None]
        )
        self.pod_addresses: pl.Series = names(
            [pod_address(self.placement, replica) for replica, _ in incarnations] + [None]
        )
        self.nodes: pl.Series = names(
            [self.placement.node(replica.service.spec.name, replica.name) for replica, _ in incarnations] + [None]
        )

    def iso(self, micros: Ints) -> pl.Series:
        """Return simulated microseconds as ISO 8601 timestamps."""
        return timestamps.iso(micros + self.origin)
