"""What a format may need besides records: the mesh, the clock, and, if it's asked for, what was wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from meshquake.sim.telemetry.metrics import METRICS, Metric
from meshquake.topology.spec import Topology

if TYPE_CHECKING:
    from meshquake.sim.simulation import Simulation


@dataclass(frozen=True)
class Context:
    """The same while simulating as when a fixture is exported later, but for `truth`.

    Attributes
    ----------
    topology
        The mesh as played: for kinds of services, replicas, versions, memory. Of a case of a data set of which the
        truth was withheld, nothing else is known of it: it has no edges and users, and operations say only how
        they are asked.
    scenario
        Its name.
    start
        Wall time of the start of the recording, in UTC.
    length
        Of the recording, in seconds.
    interval
        Between samples of a metric, in seconds.
    truth
        What `truth/ground_truth.json` holds, for a format that has a place for it; None unless it's asked for, and
        always while simulating, since it's known only at the end.
    metrics
        The metrics of the recording, by the names that they have in it.
    histograms
        Which histograms of durations a format has that has some (`exporters.formats.duration_histograms`).
    """

    topology: Topology
    scenario: str
    start: datetime
    length: float
    interval: float
    truth: Mapping[str, Any] | None = None
    metrics: Mapping[str, Metric] = field(default_factory=lambda: METRICS)
    histograms: str = "explicit"

    @property
    def services(self) -> tuple[str, ...]:
        """The names of the services."""
        return tuple(service.name for service in self.topology.services)


def of(simulation: Simulation) -> Context:
    """The context of a run's records."""
    return Context(
        topology=simulation.topology,
        scenario=simulation.scenario.name,
        start=simulation.start,
        length=simulation.scenario.length,
        interval=simulation.interval_us / 1e6,
        metrics=simulation.metrics.metrics,
    )
