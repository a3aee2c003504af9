"""The runs of an agent, in folders: several runs per case, each with an answer and the audit of its search.

    RUNS/CASE/REPEAT/answers.json  audit.ndjson

A run with an audit but no answer never answered. For a single fixture, RUNS/REPEAT/ works too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from meshquake.exporters.fixtures import audit
from meshquake.topology import outside
from meshquake.topology.problems import DocumentError, Problem, suggestion

ANSWERS = "answers.json"
_FILES = (ANSWERS, audit.NAME)
_LAYOUT = f"holds no runs: they are CASE/REPEAT/{ANSWERS}"


@dataclass(frozen=True)
class Run:
    """A run: its name among the runs of its case, and its files, None for one that is missing."""

    name: str
    answers: Path | None
    audit: Path | None


def runs(given: Path, cases: Sequence[str]) -> dict[str, list[Run]]:
    """Find the runs in a folder, by case.

    Parameters
    ----------
    given
        The folder.
    cases
        The names of the cases.

    Raises
    ------
    DocumentError
        If `given` isn't a folder, holds no runs, or holds runs of an unknown case.
    """
    if not outside.is_folder(given):
        raise DocumentError([Problem(str(given), 0, "", f"must be a folder of runs, CASE/REPEAT/{ANSWERS}")])
    if len(cases) == 1:  # the folder may hold runs of other cases of its data set
        (case,) = cases
        if own := _of_case(given) or _of_case(given / case):
            return {case: own}
    problems, found = [], {}
    for path in _folders(given):
        of_case = _of_case(path)
        if of_case and path.name in cases:
            found[path.name] = of_case
        elif of_case:
            problems.append(Problem(str(path), 0, "", f"there is no such case{suggestion(path.name, cases)}"))
    if not found and not problems:
        problems.append(Problem(str(given), 0, "", _LAYOUT))
    if problems:
        raise DocumentError(problems)
    return found


def _of_case(folder: Path) -> list[Run]:
    runs = []
    for path in _folders(folder) if outside.is_folder(folder) else ():
        answers, audited = (path / name if outside.is_file(path / name) else None for name in _FILES)
        if answers or audited:
            runs.append(Run(path.name, answers, audited))
    return runs


def _folders(folder: Path) -> Iterator[Path]:
    """List the subfolders of a folder, with numbers in their names sorted by value."""
    inside = [path for path in folder.iterdir() if outside.is_folder(path)]
    yield from sorted(inside, key=lambda path: (path.name.zfill(20), path.name))
