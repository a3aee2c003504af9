"""The folders of runs: `RUNS/CASE/REPEAT/`, with `answers.json` and `audit.ndjson`."""

from __future__ import annotations

from pathlib import Path

from meshquake.agents import audit
from meshquake.exporters.fixtures import layout

#: The file with the marks of an answer.
SCORE = "score.json"


def case_name(folder: Path) -> str:
    """Return the name of a case or a fixture."""
    trees = layout.case(folder)
    return (folder if trees is None else trees[0]).resolve().name


def begin(runs: Path, case: str) -> Path:
    """Create an empty folder for the next run of a case.

    Parameters
    ----------
    runs
        The folder of all runs.
    case
        The name of the case.

    Raises
    ------
    OSError
        If it can't be created.
    """
    repeat = 1
    while True:
        folder = runs / case / str(repeat)
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            repeat += 1
            continue
        (folder / audit.NAME).touch()
        return folder
