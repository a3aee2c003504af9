"""A run and its twins, played side by side: the same seed without its faults, and without each of them alone.

An operator's actions answer the faults: the twin, in which nothing goes wrong, has no actions, and the runs without
some of the faults keep them. One more run, with the faults and without the actions, shows what the actions are worth.

All runs keep pace with the run as it was, so that whatever has been compared can be released: memory does not grow with
the number of calls. It does where users' next steps depend on their answers, since such runs are compared at their end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from meshquake.sim.engine.call import ABANDONED
from meshquake.sim.records import Batch
from meshquake.sim.simulation import Simulation
from meshquake.sim.telemetry.recorder import Cut
from meshquake.sim.telemetry.texts import names
from meshquake.truth.blame import Blame
from meshquake.truth.calls import Tree, parting
from meshquake.truth.finding import Finding
from meshquake.truth.objective import Promise
from meshquake.truth.relief import Relief
from meshquake.truth.verdict import Verdicts, judge
from meshquake.truth.watch import Requests, Watch


class Twins:
    """Plays a simulation together with the runs that it is compared with.

    Parameters
    ----------
    simulation
        The run, not played yet.
    on_verdicts
        Called with verdict records, in order of arrival.
    folder
        Folder for temporary files; None for the system's default.
    sampled
        Whether metrics are sampled: without them, everything is known about requests, but nothing about departures.

    Attributes
    ----------
    fact, twin
        The run as it was and the run without faults and actions, as far as they were followed. If there are none, they
        are the same.
    promise, usual
        How the promise to users was kept: in the run as it was, and in its twin.
    findings
        The findings about each fault, in the order of the scenario.
    total, harmed, spared, background
        Requests: all; bad and good in the twin; good and bad in the twin; bad in both.
    twin_total
        Requests that the twin makes.
    relief
        The effect of the actions on the harm; None if there are none.
    abandoned, unmade
        For users whose next step depends on their answers: requests that they did not wait for, and requests that they
        make in the twin but not in fact.
    """

    def __init__(
        self,
        simulation: Simulation,
        on_verdicts: Callable[[pl.DataFrame], None],
        folder: Path | None = None,
        sampled: bool = True,
    ) -> None:
        watch = partial(Watch, folder=folder, sampled=sampled)
        self.simulation = simulation
        self._on_verdicts = on_verdicts
        faults = simulation.scenario.faults
        ids = [fault.id for fault in faults]
        self.fact = watch(simulation, recorded=True)
        actions = [action.id for action in simulation.scenario.actions]
        self.twin = watch(simulation.without([*ids, *actions])) if faults or actions else self.fact
        # Without the only fault, nothing goes wrong, and nobody acts.
        self._without = [self.twin] if len(faults) == 1 else [watch(simulation.without([name])) for name in ids]
        self._others = [] if self.twin is self.fact else list(dict.fromkeys([self.twin, *self._without]))
        self.relief: Relief | None = None
        if actions:
            left = self.twin if not faults else Watch(simulation.without(actions), sampled=False)
            self.relief = Relief(left, simulation.topology.workload.objective)
            self._others = list(dict.fromkeys([*self._others, left]))
        #: With one fault or two, these runs exist anyway; otherwise they are played once they matter.
        self._alone = [self.fact] if len(faults) == 1 else self._without[::-1] if len(faults) == 2 else []
        #: Simulated seconds before which all requests have been compared.
        self._compared = 0.0
        topology = simulation.topology
        entries = [f"{entry.service}.{entry.operation}" for entry in topology.workload.mix]
        self._objective = topology.workload.objective
        self._entries = names(entries)
        self.promise = Promise(self._objective, len(entries), simulation.scenario.length)
        self.usual = self.promise if self.twin is self.fact else self.promise.anew()
        self._blame = Blame(self.promise, len(faults))
        self._sites = simulation.mesh.sites
        self._depths = [0] * len(self._sites)
        for site in self._sites:
            if site.parent is not None:
                self._depths[site.index] = self._depths[site.parent.index] + 1
        self.findings = [
            Finding(simulation, column, self.fact, other, self.twin, self._blame)
            for column, other in enumerate(self._without)
        ]
        self.total = self.harmed = self.spared = self.background = self.twin_total = 0
        self.abandoned = self.unmade = 0
        #: Where users' next steps depend on their answers, the same request may come at another time in another run.
        #: Then nothing can be compared before the end.
        self._at_end = topology.workload.answers_matter

    @property
    def incident(self) -> bool:
        """Whether users felt any of the faults."""
        return not all(finding.latent for finding in self.findings)

    def felt(self) -> list[float | None]:
        """When users first felt each fault, as far as the runs were compared (simulated seconds); None if they did not.

        Final for windows whose requests have all been compared.
        """
        masks = (mask[: self.known].any(axis=1) for mask in self._blame.so_far())
        return [float(mask.argmax() + 1) if mask.any() else None for mask in masks]

    def upset(self) -> bool:
        """Whether a promise to users is broken without the faults, as far as the runs were compared."""
        return bool(self.usual.broken()[: self.known].any())

    @property
    def known(self) -> int:
        """For how many seconds everything that counts has been compared."""
        return int(min(self._compared, len(self.promise.total)))

    def batches(self) -> Iterator[Batch]:
        """The records of the run as it was, as `Simulation.batches` gives them; the others are played meanwhile."""
        return self.simulation.records(self.cuts())

    def cuts(self) -> Iterator[Cut]:
        """The run as it was, without records, as `Simulation.cuts` gives it; the others are played meanwhile."""
        for cut in self.fact.cuts:
            self.fact.take(cut)
            for other in self._others:
                other.follow(self.simulation.mesh.now)
            if not self._at_end:
                self._compare()
            yield cut
        for other in self._others:
            other.finish()
        self._compare()

    def _compare(self) -> None:
        """Compare the requests that are over in every run."""
        runs = [self.fact, *self._others]
        until = min(run.horizon for run in runs)
        requests = {run: run.settled(until) for run in runs}
        fact, without = requests[self.fact], [requests[run] for run in self._without]
        begins = [finding.start for finding in self.findings]

        def alone() -> list[Requests]:
            return [requests[run] if run in requests else run.between(self._compared, until) for run in self._singles()]

        verdicts = judge(fact, requests[self.twin], without, alone, begins, self._objective)
        self._compared = until
        self.promise.count(fact)
        if self.usual is not self.promise:
            self.usual.count(requests[self.twin])
        self._blame.take(verdicts)
        if self.relief is not None:
            self.relief.take(fact, requests[self.relief.left], requests[self.twin])
        self.total += len(fact)
        if self._at_end:
            self.abandoned += int(np.sum((fact.rows["notes"] & ABANDONED) > 0))
            self.unmade += int(np.sum(fact.find(requests[self.twin].words) < 0))
        self.twin_total += len(requests[self.twin])
        self.harmed += int(np.sum(verdicts.harmed))
        self.spared += int(np.sum(~verdicts.bad & verdicts.twin_bad))
        self.background += int(np.sum(verdicts.bad & verdicts.twin_bad))
        trees = self._trees(fact, verdicts)
        entered = self._entered(trees, verdicts, requests[self.twin], without)
        self._on_verdicts(
            verdicts.frame(self.fact.tables, self._entries, [finding.fault.id for finding in self.findings], entered)
        )
        for finding, other in zip(self.findings, without, strict=True):
            finding.take(verdicts, trees, other)

    def close(self) -> None:
        """Stop playing, and forget what was played."""
        for watch in dict.fromkeys([self.fact, *self._others, *self._alone]):
            watch.close()

    def _singles(self) -> list[Watch]:
        """The runs with each fault alone."""
        if not self._alone:
            ids = [fault.id for fault in self.simulation.scenario.faults]
            rest = ([other for other in ids if other != name] for name in ids)
            self._alone = [Watch(self.simulation.without(each), sampled=False) for each in rest]
        return self._alone

    def _trees(self, requests: Requests, verdicts: Verdicts) -> dict[int, Tree]:
        """The calls of the requests whose verdict is that something changed, by the request's word."""
        return {word: Tree(self._sites, rows) for word, rows in requests.trees(verdicts.changed).items()}

    def _entered(
        self, trees: dict[int, Tree], verdicts: Verdicts, twin: Requests, without: list[Requests]
    ) -> dict[int, int]:
        """By word, the span in which the effect entered a request: where it parts from a run that ends otherwise.

        That run is the twin; for a request that is not made there, it is the run without the first fault that made the
        difference and in which the request still comes. If there is none, the request itself is the effect.
        """
        found = dict.fromkeys(trees, Tree(self._sites, []))
        decided = (verdicts.fact.words[column] for column in verdicts.decisive.T[::-1])
        for words, other in [*zip(decided, without[::-1], strict=True), (verdicts.changed, twin)]:
            made = other.trees(words[other.find(words) >= 0])
            found |= {word: Tree(self._sites, rows) for word, rows in made.items()}
        return self.fact.spans(
            {word: parting(self._sites, self._depths, tree, found[word]) for word, tree in trees.items()}
        )
