"""Builds a study from texts, as given on a command line or by a program; reports all problems at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from meshquake.ensembles import axes, response_text, study_file
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
    asked: Sequence[str] = (),
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
        Responses, as `LABEL=RESPONSE` or `RESPONSE`; empty for the default ones.
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
        If anything is wrong with it; lists every problem except those of its cells (`study_check.problems`).
    """
    problems: list[object] = []

    def read(name: str, text: str, reader: Callable[[str], T]) -> T | None:
        try:
            return reader(text)
        except ValueError as error:
            problems.append(f"{called}{name} {text}: {error}")
            return None

    varied = [each for each in (read("vary", text, axes.axis) for text in vary) if each is not None]
    asks = [each for each in (read("response", text, response_text.response) for text in asked) if each is not None]
    precision = None if until is None else read("until", until, study_file.until)
    cut = 0.0 if warm_up is None else read("warm-up", warm_up, study_file.warm_up)
    for text in assignments:
        read("set", text, edits.split)
    chosen = 1 if seed is None else seed
    cells: tuple[axes.Cell, ...] = ()
    try:
        cells = axes.cells(varied, sample, chosen)
    except ValueError as error:
        problems.append(f"{called}vary {error}")
    try:
        found = study_file.sources(scenario, topology, Path())
    except MeshquakeError as error:
        raise StudyError(*problems, *error.args) from None
    if problems or cut is None:
        raise StudyError(*problems)
    study = Study(
        name=found.name,
        **found.texts,
        cells=cells,
        axes=tuple(varied),
        sample=sample,
        assignments=tuple(assignments),
        calm=calm,
        responses=tuple(asks) or response_text.usual(found.faults),
        replications=REPLICATIONS if replications is None else replications,
        until=precision,
        at_most=at_most or AT_MOST,
        seed=chosen,
        warm_up=cut,
    )
    return study, found.warnings


def parameter(path: str, values: str | Sequence[object]) -> str:
    """A parameter in the form that `axes.axis` reads: a path, and its values or the text of a range."""
    if isinstance(values, str):
        return f"{path}={values}"
    return f"{path}={','.join(str(value).lower() if isinstance(value, bool) else str(value) for value in values)}"
