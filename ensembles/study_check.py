"""Checks a study before its first run: loads its cells, and asks its responses whether a run can have a value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from meshquake.ensembles.axes import Cell
from meshquake.ensembles.blame import blamed, renamed
from meshquake.ensembles.overlaps import overlaps
from meshquake.ensembles.responses import Response
from meshquake.ensembles.study import MSER, Study
from meshquake.faults.loader import LoadedScenario
from meshquake.topology.problems import DocumentError, Problem
from meshquake.topology.units import duration, quantity

#: Cells of a hypercube that are checked before the first run, besides those with the outermost values: a cell of ten
#: services takes some 25 ms.
_CHECKED = 300
#: Values of a parameter that a message names.
_NAMED = 4
#: A number that stands by itself, and not in a name.
_NUMBER = re.compile(r"(?<![\w-])\d[\d.,]*")


def problems(study: Study, called: str, responses: Sequence[Response] | None = None) -> tuple[Problem, ...]:
    """Errors and warnings about a study's changes and responses, each reported once.

    Cells are loaded until every value of every parameter has been. In a hypercube, where each cell has values of its
    own, those with the outermost values are loaded and 300 others: problems of the rest are reported when they are run.

    Parameters
    ----------
    study
        The study, whose scenario and mesh are valid by themselves.
    called
        The prefix of `set PATH=VALUE` in messages: two hyphens, or its origin.
    responses
        The responses, if they are not those of the study.
    """
    plain = study.recipe(study.seed_of(0)).load()
    known = {(each.path, each.message) for each in plain.warnings}
    found = dict.fromkeys(overlaps(study.assignments, study.axes, study.scenario, study.topology, called))
    answers = _Answers(study, study.responses if responses is None else responses)
    for cell in _checked(study):
        loaded, odd = _loaded(study, cell)
        if loaded is not None:
            # Other seeds may draw what this one did not.
            answers.take(replace(loaded, scenario=replace(loaded.scenario, confounders=plain.scenario.confounders)))
        # Line numbers of a changed text mean nothing to users.
        told = (replace(renamed(each, cell.assignments, called), line=0) for each in odd)
        found |= dict.fromkeys(each for each in told if (each.path, each.message) not in known)
    if not answers.longest:
        answers.take(plain)
    return once([*answers.missing(called), *found])


def _checked(study: Study) -> Iterator[Cell]:
    """The cells to load."""
    if study.sample is not None:
        chosen = dict.fromkeys((*_outermost(study), *study.cells[:_CHECKED]))
        yield from chosen
        return
    tried: set[object] = set()
    for number, cell in enumerate(study.cells):
        if number == 0 or not set(cell.levels) <= tried:
            tried |= set(cell.levels)
            yield cell


def _outermost(study: Study) -> Iterator[Cell]:
    """The cells of a hypercube with the ends of what was drawn from each range, and with each value of each list."""
    for place, axis in enumerate(study.axes):
        if axis.range is None:
            yield from {cell.levels[place]: cell for cell in study.cells}.values()
        else:
            amounts = [(quantity(cell.levels[place].label) or (0.0, ""))[0] for cell in study.cells]
            yield study.cells[amounts.index(min(amounts))]
            yield study.cells[amounts.index(max(amounts))]


def _loaded(study: Study, cell: Cell) -> tuple[LoadedScenario | None, list[Problem]]:
    """A cell, as far as it can be loaded, and all its problems: what is wrong with one change may hide the next."""
    recipe, left = study.recipe(study.seed_of(0)), [*study.assignments, *cell.assignments]
    found: list[Problem] = []
    while True:
        try:
            loaded = recipe.load_with(left)
        except DocumentError as error:
            found += error.problems
            wrong = {text for problem in error.problems if not problem.warning for text in blamed(problem)}
            if not wrong & set(left):
                return None, found
            left = [text for text in left if text not in wrong]
        else:
            return loaded, found or list(loaded.warnings)


class _Answers:
    """Which responses have a value in at least one of the cells that it takes."""

    def __init__(self, study: Study, responses: Sequence[Response]) -> None:
        self._cut = 0.0 if study.warm_up == MSER else float(study.warm_up)
        self._responses = list(responses)
        #: Why a response has no value in any cell so far, by its position.
        self._why: dict[int, str] = dict.fromkeys(range(len(self._responses)), "")
        #: The length of the longest recording so far, in seconds.
        self.longest = 0.0

    def take(self, loaded: LoadedScenario) -> None:
        """Take a cell."""
        length = loaded.scenario.length
        self.longest = max(self.longest, length)
        cut = self._cut if self._cut < length else 0.0  # which is reported by itself
        for place in list(self._why):
            if why := _why(self._responses[place], loaded, cut):
                self._why[place] = self._why[place] or why
            else:
                del self._why[place]

    def missing(self, called: str) -> Iterator[Problem]:
        """Yield problems of those that have a value in none."""
        if self._cut >= self.longest:
            word, cut = "warm-up" if called == "--" else "warm_up", duration(self._cut)
            message = f"leaves nothing of the recording, which is {duration(self.longest)} long"
            yield Problem(f"{called}{word} {cut}", 0, "", message)
        for place, why in self._why.items():
            yield Problem(f"{called}response {self._responses[place].label}", 0, "", why)


def _why(response: Response, loaded: LoadedScenario, warm_up: float) -> str:
    """Why a response has no value; empty if it may have one."""
    try:
        response.check(loaded, warm_up)
    except ValueError as error:
        return str(error)
    return ""


def once(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Each problem once: those that several values of a parameter share name them, and warnings that differ only in
    numbers are counted.
    """
    alike: dict[Problem, list[Problem]] = {}
    for problem in dict.fromkeys(problems):
        alike.setdefault(_kind(problem), []).append(problem)
    return tuple(_merged(each) for each in alike.values())


def _kind(problem: Problem) -> Problem:
    """What a problem has in common with those to report with it."""
    if problem.warning:
        return Problem("", 0, problem.path, _NUMBER.sub("#", problem.message), warning=True)
    parameter, equals, _ = problem.file.partition("=")
    return replace(problem, file=parameter + equals)


def _merged(alike: list[Problem]) -> Problem:
    first, count = alike[0], len(alike) - 1
    if first.warning:
        more = len({each.message for each in alike}) - 1
        return replace(first, message=f"{first.message} (and {more} more like it)") if more else first
    if not count:
        return first
    values = [each.file.partition("=")[2] for each in alike]
    parameter = first.file.partition("=")[0]
    return replace(first, file=f"{parameter}={','.join((*values[:_NAMED], *['...'][: len(values) - _NAMED]))}")
