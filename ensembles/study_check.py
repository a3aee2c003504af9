"""Checks a study before its first run: loads its cells, and asks its responses whether the mesh has what they need."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from meshquake.ensembles.replication import load
from meshquake.ensembles.study import Study
from meshquake.topology.problems import DocumentError, Problem

#: Cells of a large hypercube that are checked before the first run.
_CHECKED = 200
#: Values of a parameter that a message names.
_NAMED = 4


def problems(study: Study, called: str) -> tuple[Problem, ...]:
    """Errors and warnings about a study's changes and responses, each reported once.

    Cells are loaded until every value of every parameter has been. In a hypercube, where each cell has values of its
    own, only the first 200 are loaded: problems of others are reported when they are run.

    Parameters
    ----------
    study
        The study, whose scenario and mesh are valid by themselves.
    called
        The prefix of `set PATH=VALUE` in messages: two hyphens, or its origin.
    """
    plain = study.recipe(study.seed_of(0)).load()
    known = {(each.path, each.message) for each in plain.warnings}
    found: dict[str, Problem] = {}
    for response in study.responses:
        try:
            response.check(plain.topology)
        except ValueError as error:
            problem = Problem(f"{called}response {response.label}", 0, "", str(error))
            found[str(problem)] = problem
    tried: set[tuple[int, str]] = set()
    for number, cell in enumerate(study.cells if study.sample is None else study.cells[:_CHECKED]):
        own = {(axis, each.label) for axis, each in enumerate(cell.levels)}
        if number and own <= tried:
            continue
        tried |= own
        try:
            odd = load(study, number, study.seed_of(0)).warnings
        except DocumentError as error:
            odd = tuple(_renamed(each, cell.assignments, called) for each in error.problems)
        # Line numbers of a changed text mean nothing to users.
        new = (replace(each, line=0) for each in odd if (each.path, each.message) not in known)
        found |= {str(each): each for each in new}
    return _once(found.values())


def _once(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Merge the problems that several values of a parameter share into one that names the values."""
    alike: dict[Problem, list[str]] = {}
    for problem in problems:
        parameter, equals, value = problem.file.partition("=")
        alike.setdefault(replace(problem, file=parameter + equals), []).append(value)
    return tuple(
        replace(problem, file=problem.file + ",".join((*values[:_NAMED], *["..."][: len(values) - _NAMED])))
        for problem, values in alike.items()
    )


def _renamed(problem: Problem, varied: tuple[str, ...], called: str) -> Problem:
    """A problem of an assignment, with its origin."""
    file = problem.file
    for text in varied:
        file = file.replace(f"--set {text}", f"{called}vary {text}")
    return replace(problem, file=file.replace("--set ", f"{called}set "))
