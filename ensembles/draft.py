"""A study as it was asked for, valid or not, so that all that is wrong with it is reported at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from meshquake.ensembles import axes, response_text, study_check
from meshquake.ensembles.axes import Axis, Cell
from meshquake.ensembles.mistakes import Mistake, mistakes
from meshquake.ensembles.responses import Response
from meshquake.ensembles.sources import Sources
from meshquake.ensembles.stopping import Until
from meshquake.ensembles.study import Study
from meshquake.topology.problems import Problem


@dataclass(frozen=True)
class Draft:
    """The parts of a study that could be read.

    Attributes
    ----------
    sources
        The scenario and its mesh; None if either can't be used.
    labels
        The labels of all responses, also of those that can't be read.
    responses
        The responses that can be read.
    name, summary, assignments, calm, axes, sample, replications, until, at_most, seed, warm_up
        As in `study.Study`; the name is empty for that of the scenario.
    """

    sources: Sources | None
    labels: Sequence[str]
    responses: tuple[Response, ...]
    name: str = ""
    summary: str = ""
    assignments: tuple[str, ...] = ()
    calm: bool = False
    axes: tuple[Axis, ...] = ()
    sample: int | None = None
    replications: int = 1
    until: Until | None = None
    at_most: int = 1
    seed: int = 1
    warm_up: float | str = 0.0

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """Its cells; if there are mistakes in what is varied, each value by itself."""
        if axes.mistakes(self.axes, self.sample):
            return axes.alone(self.axes) or (Cell(()),)
        return axes.cells(self.axes, self.sample, self.seed)

    def mistakes(self) -> list[Mistake]:
        """What does not go together."""
        parameters = [each.name for each in self.axes]
        return mistakes(self.labels, parameters, len(self.cells), self.replications, self.until, self.at_most)

    def problems(self, called: str) -> tuple[Problem, ...]:
        """Warnings about the scenario and its mesh, and what is wrong with cells and responses.

        `called` is the prefix of settings in messages (`study_check.problems`).
        """
        if self.sources is None:
            return ()
        fits = not axes.mistakes(self.axes, self.sample)
        valid = replace(
            self,
            responses=response_text.usual(False),
            axes=tuple({each.name: each for each in self.axes}.values()),
            sample=self.sample if fits else None,
            replications=1,
            until=None,
        )
        return study_check.once([*self.sources.warnings, *study_check.problems(valid.study(), called, self.responses)])

    def study(self) -> Study:
        """The study; StudyError if it has mistakes."""
        assert self.sources is not None
        return Study(
            name=self.name or self.sources.name,
            summary=self.summary,
            **self.sources.texts,
            assignments=self.assignments,
            calm=self.calm,
            axes=self.axes,
            sample=self.sample,
            cells=self.cells,
            responses=self.responses,
            replications=self.replications,
            until=self.until,
            at_most=self.at_most,
            seed=self.seed,
            warm_up=self.warm_up,
        )
