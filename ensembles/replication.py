"""One run of a study: a pure function of the study, and of the numbers of the cell and the replication.

Nothing is recorded unless a response needs records, and no twin is played unless one needs the key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from meshquake.ensembles.blame import renamed
from meshquake.ensembles.gauges import Gauges
from meshquake.ensembles.intervals import SECTIONS
from meshquake.ensembles.phase import Phase
from meshquake.ensembles.responses import Bounded, OfKey, OfMetric, OfRecords, OfUsers, Response
from meshquake.ensembles.sections import Sections
from meshquake.ensembles.study import MSER, Study, StudyError
from meshquake.ensembles.users import Users
from meshquake.ensembles.warm_up import mser
from meshquake.faults.loader import LoadedScenario
from meshquake.sim.records import RECORD_KINDS, Batch
from meshquake.sim.simulation import Simulation
from meshquake.sim.telemetry.recorder import Cut
from meshquake.topology.problems import DocumentError
from meshquake.topology.units import shown
from meshquake.truth.twins import Twins


@dataclass(frozen=True)
class Run:
    """The answers of one run.

    Attributes
    ----------
    cell, replication, seed
        The numbers of the cell and the replication, and the seed.
    values
        One value per response, in order; nan where there is none (a time to detect what nobody felt).
    sections
        For a study of long runs, what each response would be if all of the run were like each of its consecutive
        sections: a total is scaled up to the whole. Empty for other studies, and for responses of which a section says
        nothing (`sections.Sections`).
    warm_up
        Seconds that were cut off at the beginning.
    settled
        Whether the warm-up is reliable (`warm_up.Cut`).
    """

    cell: int
    replication: int
    seed: int
    values: tuple[float, ...]
    sections: tuple[tuple[float, ...], ...] = ()
    warm_up: float = 0.0
    settled: bool = True


def load(study: Study, cell: int, seed: int) -> LoadedScenario:
    """The scenario and the mesh of a cell, with a seed; DocumentError with all that is wrong with them.

    It is loaded anew for each run: that takes little of the run's time (25 of 450 ms with ten services), while all the
    cells of a large study would take much memory (0.3 MB each).
    """
    varied = study.cells[cell].assignments
    try:
        return study.recipe(seed).load_with((*study.assignments, *varied))
    except DocumentError as error:
        raise DocumentError([renamed(each, varied) for each in error.problems]) from None


def run(study: Study, cell: int, replication: int) -> Run:
    """Play a run and compute the responses of the study.

    Raises
    ------
    topology.problems.DocumentError
        If the scenario cannot be played with this seed.
    StudyError
        If the answer of a response is not a number.
    """
    seed = study.seed_of(replication)
    simulation = Simulation.of(load(study, cell, seed))
    return _Asked(study, simulation).answer(cell, replication, seed)


class _Asked:
    """A run that is being played, and what is measured on the way."""

    def __init__(self, study: Study, simulation: Simulation) -> None:
        self._study = study
        self._simulation = simulation
        asked = [each.of if isinstance(each, Bounded) else each for each in study.responses]
        self._records = any(isinstance(each, OfRecords) for each in asked)
        if not self._records:
            simulation.samplers = []
            if simulation.collector is None:
                simulation.hush()
        metrics = [each for each in asked if isinstance(each, OfMetric)]
        self._gauges = Gauges(simulation, metrics) if metrics else None
        self._twins = Twins(simulation, lambda verdicts: None, sampled=False) if study.asks_key else None
        self._users = Users(simulation, any(isinstance(each, OfUsers) and each.figure == "calls" for each in asked))
        self._frames: dict[str, pl.DataFrame] = {}
        self._warm_up, self._settled = 0.0, True

    def answer(self, cell: int, replication: int, seed: int) -> Run:
        """Play the run, and compute the responses."""
        if self._records:
            self._keep(list(self._simulation.records(self._cuts())))
        else:
            for _ in self._cuts():
                pass
        self._users.finish()
        self._cut_warm_up()
        study = self._study
        values = tuple(self._value(each) for each in study.responses)
        sections = tuple(self._sections(each) for each in study.responses) if study.long else ()
        return Run(cell, replication, seed, values, sections, self._warm_up, self._settled)

    def _cuts(self) -> Iterator[Cut]:
        """Play the run, and measure on the way."""
        for cut in (self._twins or self._simulation).cuts():
            self._users.take(cut)
            if self._gauges is not None:
                self._gauges.take(cut)
            yield cut

    def _keep(self, batches: list[Batch]) -> None:
        self._frames = {kind: pl.concat([batch.frame(kind) for batch in batches]) for kind in RECORD_KINDS}

    def _cut_warm_up(self) -> None:
        """Decide how much of the beginning to cut off."""
        if self._study.warm_up != MSER:
            self._warm_up = float(self._study.warm_up)
            return
        cut = mser(self._users.took)
        self._settled = cut.settled
        if cut.observations:
            self._warm_up = float(self._users.sent[cut.observations])

    # -- asking ------------------------------------------------------------------------------------------------------

    def _value(self, response: Response) -> float:
        match response:
            case OfUsers() | OfMetric():
                return self._figure(response, *self._window(response.phase))
            case OfKey():
                return self._of_key(response.figure)
            case Bounded():
                return response.holds(self._value(response.of))
            case OfRecords():
                try:
                    return response.of(self._frames)
                except ValueError as error:
                    raise StudyError(f"response {shown(response.label)}: {error}") from None
        raise AssertionError(f"nobody answers {response}")

    def _figure(self, response: OfUsers | OfMetric, start: float, end: float) -> float:
        if isinstance(response, OfUsers):
            return self._users.figure(response.figure, start, end, response.entry)
        assert self._gauges is not None
        return self._gauges.figure(response, start, end)

    def _sections(self, response: Response) -> tuple[float, ...]:
        """What a response would be if all of its stretch of time were like each section; empty if that is unknown."""
        if response.sections is Sections.NONE:
            return ()
        assert isinstance(response, OfUsers | OfMetric)
        window = self._window(response.phase)
        sections = [*pairwise(np.linspace(*window, SECTIONS + 1).tolist())]
        values = [self._figure(response, *each) for each in sections]
        if response.sections is Sections.PARTS:
            whole = self._observed(response, *window)
            parts = [self._observed(response, *each) for each in sections]
            values = [value * whole / part if part else np.nan for value, part in zip(values, parts, strict=True)]
        return tuple(values)

    def _observed(self, response: OfUsers | OfMetric, start: float, end: float) -> float:
        """How long a response is observed in a stretch of time: seconds, or samples of a metric."""
        if isinstance(response, OfUsers):
            return end - start
        assert self._gauges is not None
        return self._gauges.samples(response, start, end)

    def _window(self, phase: Phase) -> tuple[float, float]:
        """A stretch of time without the warm-up."""
        start, end = phase.window(self._simulation.scenario)
        return max(start, self._warm_up), end

    def _of_key(self, figure: str) -> float:
        """A figure of the answer key (`responses.OF_KEY`)."""
        assert self._twins is not None
        if figure == "harmed":
            return float(self._twins.harmed)
        findings = self._twins.findings
        broken = np.zeros(len(self._twins.promise.total), dtype=bool)
        for finding in findings:
            broken |= finding.broken.any(axis=1)
        if figure == "breach":
            return float(broken.sum())
        if not broken.any():
            return np.nan
        start = min(finding.start for finding in findings)
        seconds = np.flatnonzero(broken)
        if figure == "detect":
            return float(seconds[0] + 1 - start)
        over = seconds[-1] + 1
        return float(over - start) if over < len(broken) else np.nan
