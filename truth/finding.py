"""What two runs say about one fault: the run as it was, and the same run without this fault."""

from __future__ import annotations

from functools import cached_property
from math import ceil

import numpy as np

from meshquake.faults.fault import Fault, Window
from meshquake.sim.engine.call_site import ATTEMPT
from meshquake.sim.simulation import Simulation
from meshquake.sim.telemetry.sampling.series import Series
from meshquake.truth.blame import Blame
from meshquake.truth.calls import Tree
from meshquake.truth.counts import Counts, Ints
from meshquake.truth.departures import Departure, departures
from meshquake.truth.mechanism import AMPLIFYING, Mechanism, Step
from meshquake.truth.objective import Mask
from meshquake.truth.verdict import Verdicts
from meshquake.truth.watch import Requests, Watch


class Finding:
    """Gathers findings about a fault while runs are compared, and gives them at the end.

    Parameters
    ----------
    simulation
        The run as it was.
    column
        The position of one of its faults.
    fact, other, twin
        Follow the run as it was, the one without the fault, and the one without any.
    blame
        Decides which fault broke the promise to users.

    Attributes
    ----------
    fault
        The fault.
    """

    def __init__(
        self, simulation: Simulation, column: int, fact: Watch, other: Watch, twin: Watch, blame: Blame
    ) -> None:
        scenario = simulation.scenario
        self.fault: Fault = scenario.faults[column]
        #: When it begins, in simulated seconds.
        self.start = scenario.window(self.fault).start
        self.fact = fact
        self._column = column
        self._other = other
        self._twin = twin
        self._blame = blame
        #: From the requests to which it alone made the difference, and from those to which it did with others.
        self._alone, self._jointly = (Mechanism(simulation.mesh, [self.fault], self.start) for _ in range(2))
        seconds, entries = ceil(scenario.length), len(simulation.topology.workload.mix)
        #: Requests by second and entry of arrival: all of them, and those that this fault harmed.
        self._came, self._harmed = (Counts(seconds, entries) for _ in range(2))
        #: Harmed requests that needed both this fault and another (a row each), and those for which either was enough.
        self._shared: Ints = np.zeros((len(scenario.faults), 2), dtype=np.int64)
        links = len(simulation.mesh.edges)
        #: First and further attempts on each edge since the fault began; with the fault, and without it.
        self._attempts: Ints = np.zeros((2, 2, links), dtype=np.int64)

    def take(self, verdicts: Verdicts, trees: dict[int, Tree], without: Requests) -> None:
        """Take verdicts on some requests into account."""
        fact = verdicts.fact
        mine = verdicts.harmed & verdicts.causes[:, self._column]
        second = np.minimum(fact.rows["sent"].astype(np.int64), len(self._came) - 1)
        self._came.add(second, fact.entry)
        self._harmed.add(second[mine], fact.entry[mine])
        decisive, causes = verdicts.decisive[mine], verdicts.causes[mine]
        self._shared[:, 0] += decisive[decisive[:, self._column]].sum(axis=0)
        self._shared[:, 1] += causes[~decisive[:, self._column]].sum(axis=0)
        words = fact.words[mine]
        others = without.trees(words)
        sites = self.fact.simulation.mesh.sites
        for word, is_alone in zip(words.tolist(), decisive[:, self._column].tolist(), strict=True):
            mechanism = self._alone if is_alone else self._jointly
            mechanism.walk(trees[word], Tree(sites, others[word]))
        for row, requests in enumerate((fact, without)):
            self._count_attempts(row, requests)

    def _count_attempts(self, row: int, requests: Requests) -> None:
        calls = requests.calls[requests.calls["sent"] >= self.start]
        link = self.fact.tables.site_edge[calls["site"]]
        again = (calls["attempt_path"] & ATTEMPT) > 0
        np.add.at(self._attempts[row], (again[link >= 0].astype(np.int64), link[link >= 0]), 1)

    # -- at the end --------------------------------------------------------------------------------------------------

    @property
    def window(self) -> Window:
        """When it acted, in simulated seconds."""
        return self.fact.simulation.acted(self.fault)

    @property
    def mechanism(self) -> Mechanism:
        """How it reached users: from requests to which it alone made the difference, or from shared ones if none."""
        return self._alone if self._alone.requests else self._jointly

    def indicator(self, column: int) -> str:
        """Whether the users of an entry felt it as errors or as latency; `column` is that of `broken`."""
        return "error_rate" if self._blame.failed_more(self._column, column) else "latency_p95"

    @cached_property
    def broken(self) -> Mask:
        """Where it broke a promise, in the shape of `Promise.broken`."""
        return self._blame.broken[self._column]

    @property
    def harmed(self) -> int:
        """How many requests it harmed."""
        return int(self._harmed.sum().sum())

    @property
    def latent(self) -> bool:
        """Whether no promise to users was broken because of it."""
        return not self.broken.any()

    @property
    def since(self) -> float | None:
        """When a promise to users was first broken (simulated seconds); None if none was."""
        return None if self.latent else float(np.flatnonzero(self.broken.any(axis=1))[0] + 1)

    @property
    def recovered(self) -> float | None:
        """End of the last window that broke a promise (simulated seconds); None if there is none, or none after it."""
        seconds = np.flatnonzero(self.broken.any(axis=1))
        return float(seconds[-1] + 1) if len(seconds) and seconds[-1] + 1 < len(self.broken) else None

    @cached_property
    def departures(self) -> dict[Series, Departure]:
        """The series that departed from their values without it."""
        return departures(self.fact.samples, self._other.samples, self._twin.samples, self.start)

    def blast(self) -> tuple[Ints, Ints]:
        """Requests and harmed requests by entry, among those that came from its start until it was over for users.

        It is over when it no longer acts, breaks a promise or harms anyone. Requests from before its start that were
        still waiting are among the harmed, too.
        """
        struck = self._harmed.counted()
        first, last = (int(struck[0]), int(struck[-1]) + 1) if len(struck) else (int(self.start), 0)
        until = ceil(max(self.window.end, self.recovered or 0.0)) if self.latent or self.recovered else len(self._came)
        span = slice(min(int(self.start), first), max(until, last))
        return self._came.sum(span), self._harmed.sum(span)

    def interactions(self) -> list[tuple[Fault, int, int]]:
        """The other faults with which it harmed requests: how many needed both, and for how many either was enough."""
        faults = self.fact.simulation.scenario.faults
        return [
            (faults[other], both, either)
            for other, (both, either) in enumerate(self._shared.tolist())
            if other != self._column and both + either
        ]

    def steps(self) -> list[Step]:
        """The steps of its mechanism in order of onset, including how callers made it worse by adding load."""
        of_load = [
            step
            for step in self.mechanism.steps_of_load()
            if step.mechanism not in AMPLIFYING or round(self.amplification(step.origin, step.reached), 2) > 1
        ]
        steps = [*self.mechanism.steps(), *of_load]
        return sorted(steps, key=lambda step: (step.onset, step.origin, step.reached, step.mechanism))

    def amplification(self, caller: str, callee: str) -> float:
        """The factor by which attempts per call on an edge grow because of the fault."""
        edges = [(edge.caller.spec.name, edge.callee.spec.name) for edge in self.fact.simulation.mesh.edges]
        (first, again), (other_first, other_again) = self._attempts[:, :, edges.index((caller, callee))].tolist()
        factor: float = (1 + again / max(first, 1)) / (1 + other_again / max(other_first, 1))
        return factor
