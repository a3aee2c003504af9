"""The metrics of one run, sampled while it is played, whatever is recorded of it."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from pathlib import Path

import numpy as np

from meshquake.sim.simulation import Simulation
from meshquake.sim.telemetry.metrics.metric_table import MetricTable
from meshquake.sim.telemetry.recorder import Cut
from meshquake.sim.telemetry.sampling.sampler import Sampler
from meshquake.sim.telemetry.sampling.series import Series
from meshquake.sim.telemetry.spans.spans import spans_of
from meshquake.sim.telemetry.tables import Tables, microseconds
from meshquake.truth.sample_file import SampleFile

#: Its own sampling interval in microseconds, whatever that of the fixture's metrics: onsets are exact to a second.
SECOND = 1_000_000


class Meter:
    """Samples a simulation that has not been played yet, second by second.

    Parameters
    ----------
    simulation
        The run, which gets one more sampler, unless the sampler of its records reads the same.
    tables
        Names and positions that its rows refer to, kept up to date by the code that follows the run.
    table
        The metrics; None for the whole catalogue.
    wanted
        Which series are kept; None for all.
    folder
        Folder for a temporary file; None for the system's default.

    Attributes
    ----------
    samples
        Every sample taken so far.
    """

    def __init__(
        self,
        simulation: Simulation,
        tables: Tables,
        table: MetricTable | None = None,
        wanted: Callable[[Series], bool] | None = None,
        folder: Path | None = None,
    ) -> None:
        self._sampler = Sampler(simulation.mesh, tables, SECOND, table)
        recorded = simulation.recorder.sampler
        #: Whether the samples taken for the records will do.
        self._shared = recorded in simulation.samplers and recorded.reads_as(self._sampler)
        if not self._shared:
            simulation.samplers = [*simulation.samplers, self._sampler]
        self._wanted = wanted
        self._spans = spans_of(b"")
        self.samples = SampleFile(folder)

    def take(self, cut: Cut) -> None:
        """Take the output of the run since the cut before."""
        spans = self._spans + spans_of(cut.rows)
        known = np.iinfo(np.int64).max if cut.horizon == inf else int(microseconds(np.array([cut.horizon]))[0])
        settled = spans.end < known // SECOND * SECOND
        self._spans = spans.where(~settled)
        readings = cut.readings if self._shared else self._sampler.take()
        taken = self._sampler.values(spans.where(settled), readings, known // SECOND)
        self.samples.add(taken if self._wanted is None else taken.only(self._wanted))
