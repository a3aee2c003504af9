"""The metrics of one run, second by second, as far as responses need them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from meshquake.ensembles.responses import SUMMARIES, OfMetric
from meshquake.sim.simulation import Simulation
from meshquake.sim.telemetry.recorder import Cut
from meshquake.sim.telemetry.sampling.series import Series
from meshquake.sim.telemetry.tables import Tables
from meshquake.truth.meter import Meter

Floats = NDArray[np.float64]


class Gauges:
    """Takes the output of a run, and keeps the series that some responses name."""

    def __init__(self, simulation: Simulation, responses: Collection[OfMetric]) -> None:
        self._wanted = {series for each in responses for series in _series(each)}
        self._tables = Tables(simulation.mesh, simulation.start)
        self._meter = Meter(simulation, self._tables, simulation.metrics, self._wanted.__contains__)

    def take(self, cut: Cut) -> None:
        """Take what happened since the cut before."""
        self._tables.refresh(cut.incarnations)
        self._meter.take(cut)

    def figure(self, response: OfMetric, start: float, end: float) -> float:
        """The value of a response for a stretch of time; nan if there is no sample."""
        inside = self._inside(response, start, end)
        return SUMMARIES[response.summary](inside) if len(inside) else np.nan

    def samples(self, response: OfMetric, start: float, end: float) -> int:
        """How many samples of a response there are in a stretch of time."""
        return len(self._inside(response, start, end))

    def _inside(self, response: OfMetric, start: float, end: float) -> Floats:
        columns = self._meter.samples.of(_series(response))
        values = response.expression(dict(zip(response.expression.names, columns.T, strict=True)))
        # A sample covers the second before it.
        ended = np.arange(len(columns)) + 1.0
        inside: Floats = values[(ended > start) & (ended <= end) & np.isfinite(values)] if len(columns) else values[:0]
        return inside


def _series(response: OfMetric) -> list[Series]:
    place = response.place
    return [Series(place.service, name, place.replica_name, place.target) for name in response.expression.names]
