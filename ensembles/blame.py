"""Problems of changed scenarios, attributed to the settings of a study that changed them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from meshquake.topology.problems import Problem

#: How `faults.recipe` names an assignment.
_SET = "--set "


def blamed(problem: Problem) -> list[str]:
    """The assignments to which a problem is attributed."""
    return [text.strip() for text in problem.file.split(_SET)[1:]]


def renamed(problem: Problem, varied: Collection[str], called: str = "--") -> Problem:
    """A problem with the names of the settings.

    Parameters
    ----------
    problem
        The problem of a scenario that was loaded with changes.
    varied
        The assignments that set a cell: these come from `vary`, the others from `set`.
    called
        The prefix of settings in messages: two hyphens, or their origin.
    """
    texts: Sequence[str] = blamed(problem)
    if not texts:
        return problem
    file = " ".join(f"{called}{'vary' if text in varied else 'set'} {text}" for text in texts)
    return replace(problem, file=file)
