"""Builds a study from texts, as given on a command line or by a program; reports all problems at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from meshquake.ensembles import axes, response_text, study_file
from meshquake.ensembles.draft import Draft
from meshquake.ensembles.sources import sources
from meshquake.ensembles.study import AT_MOST, REPLICATIONS, Study, StudyError
from meshquake.faults import edits
from meshquake.topology.exceptions import MeshquakeError
from meshquake.topology.problems import Problem

T = TypeVar("T")


def study_of(
    scenario: str,
    *,
    called: str,
    vary: Sequence[str] = (),
    sample: int | None = None,
    asked: Sequence[tuple[str, str]] = (),
    until: str | None = None,
    at_most: int | None = None,
    warm_up: str | None = None,
    assignments: Sequence[str] = (),
    topology: str | None = None,
    calm: bool = False,
    replications: int | None = None,
    seed: int | None = None,
) -> tuple[Study, tuple[Problem, ...]]:
    """The requested study, and warnings about its scenario and its mesh.

    Parameters
    ----------
    scenario, topology
        The name of a shipped one, or a file; for the mesh, None for that of the scenario.
    called
        The prefix of option names in messages: two hyphens on a command line.
    vary, sample
        Parameters, as `axes.axis` reads them; points of a Latin hypercube, None for the grid.
    asked
        Responses with their labels, which may be empty if the text is `LABEL=RESPONSE` or its own label; empty for the
        default ones.
    until, at_most
        The precision to reach, as in `entry.error_rate:5%`, and the runs per cell after which to give up.
    warm_up
        How much to cut off at the beginning of each recording: a time, or `mser`.
    assignments
        `PATH=VALUE` that hold in every cell.
    calm
        Whether the mesh does nothing by itself.
    replications, seed
        Runs of each cell, and the seed of the study; None for the defaults.

    Raises
    ------
    StudyError
        If anything is wrong with it, or with its cells (`study_check.problems`); lists every problem.
    """
    problems: list[object] = []

    def name(word: str) -> str:
        return called + (word.replace("_", "-") if called else word)

    def read(word: str, text: str, reader: Callable[[str], T]) -> T | None:
        try:
            return reader(text)
        except ValueError as error:
            problems.append(f"{name(word)} {text}: {error}")
            return None

    varied = [each for each in (read("vary", text, axes.axis) for text in vary) if each is not None]
    readings = [read("response", text, partial(response_text.response, label=label)) for label, text in asked]
    asks = [each for each in readings if each is not None]
    precision = None if until is None else read("until", until, study_file.until)
    cut = None if warm_up is None else read("warm_up", warm_up, study_file.warm_up)
    changes = [text for text in assignments if read("set", text, edits.split)]
    unfit = axes.mistakes(varied, sample)
    problems += [f"{' '.join(filter(None, (name('vary'), each.name)))}: {each.message}" for each in unfit]
    if at_most is not None and until is None:
        problems.append(f"{name('at_most')} {at_most}: needs {name('until')}, the precision to reach")
    found = None
    try:
        found = sources(scenario, topology, Path())
    except MeshquakeError as error:
        problems += error.args
    usual = response_text.usual(found is not None and found.faults)
    draft = Draft(
        sources=found,
        axes=tuple(varied),
        sample=sample,
        assignments=tuple(changes),
        calm=calm,
        labels=[label or response_text.split(text)[0] for label, text in asked] or [each.label for each in usual],
        responses=tuple(asks) or usual,
        warm_up=cut or 0.0,
        replications=REPLICATIONS if replications is None else replications,
        until=precision,
        at_most=AT_MOST if at_most is None else at_most,
        seed=1 if seed is None else seed,
    )
    given = {"replications": draft.replications, "at_most": draft.at_most, "until": until}
    for mistake in draft.mistakes():
        which = mistake.label or given.get(mistake.about, "")
        problems.append(f"{name(mistake.about)} {which}: {mistake.message}")
    odd = draft.problems(called)
    problems += [each for each in odd if not each.warning]
    if problems:
        raise StudyError(*problems)
    return draft.study(), tuple(each for each in odd if each.warning)


def parameter(path: str, values: str | Sequence[object]) -> str:
    """A parameter in the form that `axes.axis` reads: a path, and its values or the text of a range."""
    if isinstance(values, str):
        return f"{path}={values}"
    return f"{path}={','.join(str(value).lower() if isinstance(value, bool) else str(value) for value in values)}"
