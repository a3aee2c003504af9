"""The answer of a study: its cells with their intervals, and which of them differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from meshquake.ensembles.amounts import amounts
from meshquake.ensembles.comparisons import Difference, holm, letters, paired, together
from meshquake.ensembles.intervals import Interval, bootstrap, sectioned, share_interval, spread, t_interval
from meshquake.ensembles.rank_correlation import correlation
from meshquake.ensembles.replication import Run
from meshquake.ensembles.study import Study
from meshquake.topology.addresses import address

Floats = NDArray[np.float64]

#: Up to this many cells, each is compared with every other; with more, each is compared with the first.
ALL_PAIRS = 8
#: The reported quantiles of a cell's runs.
QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Estimate:
    """A response in a cell.

    Attributes
    ----------
    runs, known
        Runs of the cell, and those in which the response has a value.
    interval
        The interval of the mean over these.
    spread
        The standard deviation between runs; nan if there are fewer than two.
    quantiles
        The quantiles of the runs at `QUANTILES`; nan if there are none.
    """

    runs: int
    known: int
    interval: Interval
    spread: float
    quantiles: tuple[float, ...]


@dataclass(frozen=True)
class Compared:
    """Two cells, a response (all by number), and how much more of it the second cell has than the first."""

    response: int
    first: int
    other: int
    difference: Difference


@dataclass(frozen=True)
class Effect:
    """How a parameter of a hypercube relates to a response: the rank correlation of its values and the cells' means.

    `adjusted` is the probability, after Holm, of one as large by chance; `moves` is whether that is small enough.
    """

    axis: int
    response: int
    correlation: float
    adjusted: float
    moves: bool


def interval(study: Study, runs: Sequence[Run], response: int) -> Interval:
    """The interval of a response (by number) over some runs of a cell."""
    if study.long:
        (only,) = runs
        return sectioned(only.values[response], np.array(only.sections[response]))
    values = np.array([run.values[response] for run in runs])
    values = values[np.isfinite(values)]
    if study.responses[response].is_share:
        return share_interval(values)
    if study.responses[response].skewed:
        label = study.labels[response]
        return bootstrap(values, address(study.seed, "ensemble", "bootstrap", label))
    return t_interval(values)


class Analysis:
    """The results of some runs of a study: all of them, or as many as there are so far.

    Attributes
    ----------
    study, runs
        The study, and its runs in order.
    """

    def __init__(self, study: Study, runs: Iterable[Run]) -> None:
        self.study = study
        self.runs = tuple(runs)
        self._of_cell: list[list[Run]] = [[] for _ in study.cells]
        for run in self.runs:
            self._of_cell[run.cell].append(run)

    def runs_of(self, cell: int) -> Sequence[Run]:
        """The runs of a cell, by number, in order."""
        return self._of_cell[cell]

    @cached_property
    def estimates(self) -> list[list[Estimate]]:
        """The estimates, by cell and by response."""
        return [
            [self._estimate(runs, response) for response in range(len(self.study.responses))] for runs in self._of_cell
        ]

    def _estimate(self, runs: Sequence[Run], response: int) -> Estimate:
        values = np.array([run.values[response] for run in runs])
        known = values[np.isfinite(values)]
        found = interval(self.study, runs, response) if runs else t_interval(known)
        quantiles = np.quantile(known, QUANTILES).tolist() if len(known) else [np.nan] * len(QUANTILES)
        return Estimate(len(runs), len(known), found, spread(known.tolist()), tuple(quantiles))

    @cached_property
    def compared(self) -> list[Compared]:
        """Differences between cells, tested as one family; none for a hypercube, whose cells were not named."""
        count = len(self.study.cells)
        if self.study.sample is not None or self.study.long:
            return []
        pairs = [*combinations(range(count), 2)] if count <= ALL_PAIRS else [(0, other) for other in range(1, count)]
        asked = [(response, *pair) for response in range(len(self.study.responses)) for pair in pairs]
        shares = [response.is_share for response in self.study.responses]
        found = together(
            [paired(self._values(first, each), self._values(other, each), shares[each]) for each, first, other in asked]
        )
        return [Compared(*each, difference) for each, difference in zip(asked, found, strict=True)]

    def _values(self, cell: int, response: int) -> Floats:
        """The values of the replications that every cell has, in order."""
        return np.array([self._by_replication[cell][each].values[response] for each in self._shared])

    @cached_property
    def _by_replication(self) -> list[dict[int, Run]]:
        """The runs of each cell, by replication."""
        return [{run.replication: run for run in runs} for runs in self._of_cell]

    @cached_property
    def _shared(self) -> list[int]:
        """The replications that every cell has."""
        first, *others = self._by_replication
        return sorted(set(first).intersection(*others))

    def letters(self, response: int) -> list[str]:
        """Letters for the cells: two cells without a common letter differ. Empty if not all cells were compared."""
        count = len(self.study.cells)
        if not 1 < count <= ALL_PAIRS or not self.compared:
            return [""] * count
        own = [each for each in self.compared if each.response == response]
        return letters(count, [(each.first, each.other) for each in own if each.difference.differs])

    @cached_property
    def effects(self) -> list[Effect]:
        """For a hypercube: how each parameter relates to each response."""
        if self.study.sample is None:
            return []
        asked = [(axis, each) for each in range(len(self.study.responses)) for axis in range(len(self.study.axes))]
        found = [
            correlation(self.positions(axis), np.array([row[each].interval.estimate for row in self.estimates]))
            for axis, each in asked
        ]
        verdicts = holm([p for _, p in found])
        return [
            Effect(axis, each, r, verdict.adjusted, verdict.rejected)
            for (axis, each), (r, _), verdict in zip(asked, found, verdicts, strict=True)
        ]

    def positions(self, axis: int) -> Floats:
        """The position of each cell on an axis: its level as an amount, or else its place in the axis's list."""
        labels = [cell.levels[axis].label for cell in self.study.cells]
        found = amounts(labels)
        if found is not None:
            return np.array(found.values)
        listed = [level.label for level in self.study.axes[axis].levels]
        return np.array([listed.index(label) for label in labels], dtype=np.float64)

    def short(self) -> list[int]:
        """The cells whose precision was not reached (`study.Study.until`)."""
        until = self.study.until
        if until is None:
            return []
        response = self.study.labels.index(until.response)
        return [cell for cell, row in enumerate(self.estimates) if not until.reached(row[response].interval)]
