"""Plays a run until it is known whether users feel it and how loud its root is, and writes nothing.

Data sets need runs with given properties, which most drawn runs do not have. The result is the same as that of the
answer key and the floors for the recording of the same run, since they compute it. A suitable run is continued from
where the preview stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

import polars as pl

from meshquake.faults.levels import LOUDEST, SEVERAL, SILENT
from meshquake.sim.simulation import Simulation
from meshquake.sim.telemetry.spans.spans import Spans, owner, spans_of
from meshquake.sim.telemetry.tables import STATUS_CODES, Tables
from meshquake.sim.telemetry.texts import lookup, names
from meshquake.truth import score
from meshquake.truth.answer_key import Clock, ground_truth, since
from meshquake.truth.floors import HEARD, Floors, Loudness
from meshquake.truth.objective import Promise
from meshquake.truth.rehearsal import Rehearsal
from meshquake.truth.twins import Twins
from meshquake.truth.watch import Watch

#: The name of the floor that measures how loud a root is.
FLOOR = "worst symptom first"
_STATUS = names(["success", "error"])


@dataclass(frozen=True)
class Preview:
    """The properties of a run.

    Attributes
    ----------
    incident
        Whether users feel any of its faults.
    upset
        Whether users feel the other happenings: a promise is broken without the faults.
    band
        How loud the root is: the worst symptom is its own, or that of another service, or it shows nothing. None if
        users feel nothing, or if this was not asked for.
    roots
        Number of services at fault.
    whole
        Whether it was played to its end; if not, only the property that ended the preview is known.
    """

    incident: bool
    upset: bool = False
    band: str | None = None
    roots: int = 0
    whole: bool = False


def kept(simulation: Simulation) -> bool:
    """Whether a run keeps the promise to users, so that they feel none of its faults, whatever the twin does.

    It is played alone, without metrics, and only until the promise is broken; the smaller the run's batches, the sooner
    that is known.
    """
    watch = Watch(simulation, sampled=False)
    workload = simulation.topology.workload
    promise = Promise(workload.objective, len(workload.mix), simulation.scenario.length)
    for cut in watch.cuts:
        watch.take(cut)
        promise.count(watch.settled(watch.horizon))
        if promise.broken()[: int(min(watch.horizon, simulation.scenario.length))].any():
            return False
    return not promise.broken().any()


def felt(rehearsal: Rehearsal) -> Preview:
    """Play a run until users feel its faults, or to its end; the smaller its batches, the sooner that is known."""
    twins = rehearsal.twins
    for _ in rehearsal.look():
        if any(twins.felt()):
            return Preview(incident=True)
    # If the promise is kept, users do not mind, whatever the twin does.
    return Preview(twins.incident, twins.upset() and bool(twins.promise.broken().any()), whole=True)


def felt_since(simulation: Simulation, moment: float = inf) -> float | None:
    """When users first feel a fault of a run (simulated seconds), if they do by some time; else None.

    It is played only until this is known.
    """
    twins = Twins(simulation, lambda verdicts: None)
    for _ in twins.cuts():
        if any(twins.felt()) or twins.known > moment:
            break
    return min((time for time in twins.felt() if time is not None and time <= moment), default=None)


def loudness(rehearsal: Rehearsal, wanted: str | None = None) -> Preview:
    """Find out how loud the root of a run is.

    Parameters
    ----------
    rehearsal
        The run, not played yet. If its observability is not perfect, it cannot be continued: loudness is measured on
        its records.
    wanted
        The band that it should have: it is played until it cannot have it. None to play it to its end.
    """
    hearing = _Hearing(rehearsal)
    twins = rehearsal.twins
    decided = wanted is None
    for _ in hearing.listen():
        if wanted is not None and twins.upset():
            return Preview(incident=True, upset=True)
        if not decided and hearing.heard():
            decided = True
            found = hearing.so_far()
            if found is not None and (found == LOUDEST) != (wanted == LOUDEST):
                return Preview(incident=True, band=found)
    upset = twins.upset()
    if not twins.incident:
        return Preview(False, upset, whole=True)
    band, roots = hearing.whole()
    return Preview(True, upset, band, roots, whole=True)


class _Hearing:
    """Measures how loud services are, in a run that is being played."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self.twins = rehearsal.twins
        self._rehearsal = rehearsal
        self._spans: list[pl.DataFrame] = []
        self._clock = Clock(self.twins.simulation.start)

    def listen(self) -> Iterator[None]:
        """Play the run, piece by piece, and keep the server spans as they are recorded."""
        if self.twins.simulation.collector is not None:
            for batch in self._rehearsal.batches(lambda verdicts: None):
                self._spans.append(batch.traces.filter(kind="server").select(HEARD))
                yield
            return
        for cut in self._rehearsal.look():
            spans = spans_of(cut.rows)
            self._spans.append(_served(self.twins.fact.tables, spans.where(spans.server)))
            yield

    def heard(self) -> bool:
        """Whether all spans that decide loudness have come: the later stretch is half as long as the time before."""
        times = [time for time in self.twins.felt() if time is not None]
        return bool(times) and self.twins.fact.horizon >= 1.5 * min(times)

    def so_far(self) -> str | None:
        """How loud the root is, if that can no longer change; else None."""
        felt = list(zip(self.twins.findings, self.twins.felt(), strict=True))
        topology = self.twins.simulation.topology
        right = {name for finding, time in felt if time is not None for name in finding.fault.roots(topology)}
        #: They may turn out to be right, and otherwise take no rank.
        unknown = {name for finding, time in felt if time is None for name in finding.fault.roots(topology)} - right
        first = next(
            (
                name
                for name, _ in self._ranked(min(time for _, time in felt if time is not None))
                if name not in unknown
            ),
            None,
        )
        if first in right:
            return LOUDEST
        return None if unknown else SEVERAL

    def whole(self) -> tuple[str, int]:
        """How loud the root of an incident is, and how many roots there are; to be called at the end."""
        twins = self.twins
        seen = {finding.fault.id: since(finding) for finding in twins.findings}
        ranked = {second: self._ranked(second) for second in seen.values()}
        truth = ground_truth(twins, {fault: ranked[second] for fault, second in seen.items()}, "")
        start = min(time for finding in twins.findings if (time := finding.since) is not None)
        guesses = Floors((), tuple(name for name, _ in self._ranked(start)))
        mark = score.mark(truth, {}, {"root_causes": []}, guesses)
        if mark.floors[FLOOR].at_1 == 1.0:
            return LOUDEST, mark.roots
        labels = {fault["difficulty"]["label"] for fault in truth["faults"] if not fault["latent"]}
        return SILENT if labels == {SILENT} else SEVERAL, mark.roots

    def _ranked(self, since: float) -> Sequence[tuple[str, float]]:
        """The services, loudest first, if users began to feel the incident then (simulated seconds)."""
        loudness = Loudness(self._clock(since))
        loudness.take(pl.concat(self._spans))
        return loudness.ranked()


def _served(tables: Tables, spans: Spans) -> pl.DataFrame:
    """Server spans, with the columns that loudness needs."""
    return pl.select(
        timestamp=tables.iso(spans.start),
        service=lookup(tables.service_names, owner(tables, spans)),
        duration_ms=pl.Series(spans.duration_ms),
        status=lookup(_STATUS, spans.failed),
        status_code=pl.Series(STATUS_CODES[spans.code]),
        kind=pl.repeat("server", len(spans)),
    ).select(HEARD)
