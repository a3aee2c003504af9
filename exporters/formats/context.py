"""What formats may need besides records: the mesh, the clock, and optionally the truth."""

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
    """The context of records, the same during a run as in a later export, except for `truth`.

    Attributes
    ----------
    topology
        The mesh of the run: its kinds of services, replicas, versions, memory. For a case whose truth is withheld,
        nothing else is known: there are no edges and no users, and operations only have their protocols.
    scenario
        The name of the scenario.
    start
        When the recording starts, in UTC.
    length
        Length of the recording in seconds.
    interval
        Seconds between samples of a metric.
    truth
        The content of `truth/ground_truth.json`, for formats that include it. None unless requested, and always None
        during a run, since the truth is only known at its end.
    metrics
        The metrics of the recording, by their names in it.
    histograms
        The kind of duration histograms, for formats that have them (`exporters.formats.duration_histograms`).
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
    """Return the context of a run's records."""
    return Context(
        topology=simulation.topology,
        scenario=simulation.scenario.name,
        start=simulation.start,
        length=simulation.scenario.length,
        interval=simulation.interval_us / 1e6,
        metrics=simulation.metrics.metrics,
    )
